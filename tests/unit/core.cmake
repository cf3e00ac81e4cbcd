cx_test(rpc cx_core PkgConfig::SSL dl)
