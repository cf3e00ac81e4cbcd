# cmake -DIN=RoomRegistry.json -DOUT=registry_json.c -P embed.cmake
file(READ ${IN} hex HEX)
string(LENGTH "${hex}" n)
math(EXPR n "${n} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)"
  "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "/* Made from the contract's artefact by indexer/embed.cmake. */
#include \"indexer/schema.h\"

const char schema_registry_json[] = {
${bytes}0 };
const size_t schema_registry_json_len = ${n};
")
