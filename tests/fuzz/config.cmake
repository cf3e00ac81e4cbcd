cx_fuzz(config cx_config)
