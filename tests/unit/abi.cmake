cx_test(blocks cx_abi)
cx_test(seal cx_abi)
