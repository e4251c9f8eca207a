# Permits what operations.list does beneath /t/yes and to itself, and little else.
profile half {
  /confine_ops mrix,
  / r,
  /t/yes/ rw,
  /t/yes/** rwmlkix,
  /proc/self/fd/* r,
  owner /proc/*/{environ,status,fd/} r,

  network unix,
  network inet stream,
  capability chown fowner fsetid net_bind_service sys_chroot setgid,

  signal (send,receive) peer=half,
  signal (send) set=(hup,rtmin+0) peer=unconfined,
  signal (send) set=(term) peer=sibling,
  ptrace (read,readby) peer=half,
  ptrace (trace,read) peer=sibling,

  mount fstype=tmpfs -> /t/mnt/,
  mount options=(rw,bind) /t/yes/ -> /t/mnt/,
  umount /t/mnt/,

  set rlimit nofile <= 1024,
}
