"""Functions of the program that the model may call: declared, and run when it calls them."""
