# What is called good may be opened in both of its places, what is called bad in neither; and the
# other way round in places that are made up of the two and do not exist.
profile race {
  /confine_ops mrix,
  network unix stream,
  /proc/*/fd/ r,

  /race/r/A/one/sub/good r,
  /race/r/B/two-*/sub/good r,
  /race/m/A/one/sub/good r,
  /race/m/B/two/sub/good r,

  /race/r/A/two-*/sub/bad r,
  /race/r/B/one/sub/bad r,
  /race/m/A/two/sub/bad r,
  /race/m/B/one/sub/bad r,
  /race/*/sub/bad r,
  /race/{r,m,u}/sub/bad r,
  /race/{r,m}/{A,B}/sub/bad r,
  /race/r/A/one/bad r,
  /{one,two-*,sub,bad}{,/**} r,
  /A/** r,
  /B/** r,
}
