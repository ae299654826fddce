"""A score to a pathway and to the words a person sees."""
