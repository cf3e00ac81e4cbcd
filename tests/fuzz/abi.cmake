cx_fuzz(rlp cx_abi)
cx_fuzz(abi_type cx_abi)
cx_fuzz(abi_decode cx_abi)
cx_fuzz(abi_json cx_abi)
