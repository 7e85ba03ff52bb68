//! Which system calls each right is about: the table that the filter is generated from and `describe` reads.
