# The transaction lane; included by bridge.cmake.
cx_test(lane cx_bridge)
