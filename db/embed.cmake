# cmake -DDIR=migrations -DOUT=migrations.c -P embed.cmake
file(GLOB files ${DIR}/*.sql)
list(SORT files)
set(arrays "")
set(table "")
set(n 0)
foreach(f ${files})
  get_filename_component(name ${f} NAME)
  if(NOT name MATCHES "^[0-9][0-9][0-9][0-9]_[a-z0-9_]+[.]sql$")
    message(FATAL_ERROR "${name}: a migration is named NNNN_what.sql")
  endif()
  file(READ ${f} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)"
    "\\1\n" bytes "${bytes}")
  string(APPEND arrays "static const unsigned char f${n}[] = {\n${bytes}0 };\n")
  string(APPEND table "\t{ \"${name}\", f${n}, sizeof(f${n}) - 1 },\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT} "/* Made from migrations/ by db/embed.cmake. */
#include \"db/embedded.h\"

${arrays}
const struct migration_file migration_files[] = {
${table}	{ 0, 0, 0 },
};
const size_t migration_file_count = ${n};
")
