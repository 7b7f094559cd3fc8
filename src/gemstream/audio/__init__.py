"""Speech as bytes: what a program does with sound before it sends it and after it comes."""
