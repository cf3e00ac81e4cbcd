foreach(name follow range refusal schema)
  cx_test(${name} cx_indexer)
endforeach()
