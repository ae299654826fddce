"""Print one package's modules with a single importer, and its circles of imports, as JSON; for `before_after`."""

import json
import sys

import grimp


def circles(imports: dict[str, set[str]]) -> int:
    """Groups of modules that reach each other, by Tarjan's algorithm."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = 0

    def visit(module: str) -> None:
        nonlocal found
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in imports[module]:
            if other not in index:
                visit(other)
            if other in stack:
                low[module] = min(low[module], low[other])
        if low[module] == index[module]:
            members = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            found += len(members) > 1

    for module in imports:
        if module not in index:
            visit(module)
    return found


def main() -> None:
    graph = grimp.build_graph(sys.argv[1], exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    plain = [module for module in graph.modules if not graph.find_children(module)]
    once = sum(len(graph.find_modules_that_directly_import(module)) == 1 for module in plain)
    print(json.dumps({"files with one importer": once, "circles of imports": circles(imports)}))


if __name__ == "__main__":
    main()
