cx_test(config cx_config)
