# The transaction lane; included by bridge.cmake.
cx_test(lane cx_bridge)
cx_test(share cx_bridge)
cx_test(txanswer cx_bridge)
