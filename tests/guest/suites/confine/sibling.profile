# The neighbour of those that are compared: lets itself be signalled and traced.
profile sibling {
  file,
  network,
  capability,
  signal,
  ptrace,
}
