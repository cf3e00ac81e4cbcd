foreach(name arena backoff buf harden json log netaddr scan url)
  cx_test(${name} cx_core)
endforeach()
# dl: test_rpc_names stands before getaddrinfo; SSL: the WebSocket handshake's
# hash
cx_test(http cx_core PkgConfig::SSL)
cx_test(rpc cx_core PkgConfig::SSL)
cx_test(rpc_names cx_core PkgConfig::SSL dl)
cx_test(rpc_ws cx_core PkgConfig::SSL)
cx_test(rpc_answer cx_core)
cx_test(rpc_limits cx_core PkgConfig::SSL)
cx_test(metrics cx_core)
cx_test(health cx_core)
