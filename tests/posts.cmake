# The supervisor's posts in virtual time: what they ask of the world is the model's.
drumbeat_test(test_posts SOURCES test_posts.c LIBS worker)
target_link_options(test_posts PRIVATE -Wl,--wrap=clock_boot,--wrap=jitter,--wrap=proc_is_stopped,--wrap=proc_family)
