# Permits what operations.list does but beneath /t/no, and everything else.
profile most flags=(attach_disconnected) {
  file,
  deny /t/no/ w,
  audit deny /t/no/** rwlkmx,
  audit /t/yes/b r,

  network,
  deny network packet,
  capability,
  deny capability sys_admin mknod,
  audit capability chown,

  signal,
  deny signal (send) peer=unconfined,
  ptrace,
  deny ptrace (trace) peer=unconfined,

  mount,
  umount,
  pivot_root,
  deny mount -> /t/no/**,
  deny umount /t/no/**,
}
