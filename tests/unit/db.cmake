# These need a server: `tests/lib/pg.sh run ctest …` sets CX_TEST_DATABASE.
# They share its one database, so never two at a time.
function(cx_db_test name)
  cx_test(${name} ${ARGN})
  if(CX_TESTS)
    set_tests_properties(${name} PROPERTIES
      TIMEOUT 120 RESOURCE_LOCK postgres)
  endif()
endfunction()

cx_db_test(db cx_db)
cx_db_test(db_prepare cx_db)
cx_db_test(migrate cx_db)
