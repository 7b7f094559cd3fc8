"""What can befall a Live session: the rows of the matrix."""
