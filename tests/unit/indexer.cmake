foreach(name follow range schema)
  cx_test(${name} cx_indexer)
endforeach()
