cx_test(blocks cx_abi)
cx_test(logs cx_abi)
cx_test(header cx_abi)
cx_test(receipts cx_abi)
cx_test(seal cx_abi)
cx_test(abi cx_abi)
cx_test(hex cx_abi)
cx_test(u256 cx_abi)

if(CX_TESTS)
  # Vectors of an npm package, unpacked when the tests run: what needs them fails
  # without them.
  set(vectors ${CMAKE_CURRENT_BINARY_DIR}/vectors)
  add_test(NAME vectors COMMAND node
    ${CMAKE_SOURCE_DIR}/tests/vectors/convert.mjs ${vectors})
  set_tests_properties(vectors PROPERTIES FIXTURES_SETUP vectors)
  foreach(name abi_vectors keccak rlp)
    cx_test(${name} cx_abi)
    target_compile_definitions(test_${name} PRIVATE CX_VECTORS_DIR="${vectors}")
    set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED vectors)
  endforeach()
endif()
cx_test(keystore cx_abi)
cx_test(tx cx_abi)
