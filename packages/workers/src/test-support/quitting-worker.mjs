// A worker that ends while it starts, without an error.
process.exit(0)
