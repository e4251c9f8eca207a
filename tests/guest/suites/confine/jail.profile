# Paths are those of the chroot that a task is in, if it is in there.
profile jail flags=(chroot_relative) {
  /confine_ops mrix,
  network unix stream,
  capability sys_admin sys_chroot dac_read_search,
  /proc/*/fd/* r,
  /t/yes/** rw,
  /yes/** rw,
  /a rw,
}
