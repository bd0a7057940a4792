"""One module per kind of drill: what each step may do, on which targets, in which network."""
