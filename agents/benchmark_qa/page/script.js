"use strict";
// Sorting and filtering of the leaderboard. Without scripts the page shows everything all the same.
(() => {
  const table = document.getElementById("leaderboard");
  if (!table) return;
  const body = table.tBodies[0];
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const data = cell.querySelector("data");
    return data ? Number(data.value) : cell.dataset.sort ?? cell.textContent.trim();
  };
  table.querySelectorAll("thead button").forEach((button) => {
    button.addEventListener("click", () => {
      const header = button.closest("th");
      const descending = header.getAttribute("aria-sort") !== "descending";
      table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const rows = Array.from(body.rows).map((row) => [valueOf(row, header.cellIndex), row]);
      rows.sort(([a], [b]) => {
        if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
        const order = typeof a === "number" ? a - b : a.localeCompare(b);
        return descending ? -order : order;
      });
      body.append(...rows.map(([, row]) => row));
      refresh();
    });
  });
  const filter = document.getElementById("filter");
  const found = document.getElementById("found");
  const more = document.getElementById("more");
  let most = 200; // of thousands, so many are laid out until somebody wants all
  const refresh = () => {
    const wanted = filter.value.trim().toLocaleLowerCase();
    let count = 0;
    for (const row of body.rows) {
      const fits = row.dataset.name.toLocaleLowerCase().includes(wanted);
      count += fits ? 1 : 0;
      row.hidden = !fits || count > most;
    }
    more.hidden = count <= most;
    more.textContent = `Show all ${count.toLocaleString()}`;
    const shown = Math.min(count, most).toLocaleString();
    found.textContent = count > most ? `${shown} of ${count.toLocaleString()} shown` : wanted ? `${count} shown` : "";
  };
  filter.closest("p").hidden = false;
  filter.addEventListener("input", refresh);
  more.addEventListener("click", () => {
    most = Infinity;
    refresh();
  });
  refresh();
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
