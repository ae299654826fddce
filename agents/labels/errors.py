"""What can be wrong with a label row or an ontology, named."""


class LabelReadError(ValueError):
    """A label row or an ontology cannot be read.

    `place` says where in the JSON (never what a person wrote there), `problem` says what is wrong.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem
