# To append may be refused alone.
profile append {
  /confine_ops mrix,
  network unix stream,
  /t/** rw,
  deny /t/log a,
}
