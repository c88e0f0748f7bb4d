# What tests that need a server or run programs link: tests/fixture.
add_library(test_fixture STATIC fixture/cluster.c fixture/process.c fixture/redis.c)
target_include_directories(test_fixture PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(test_fixture PUBLIC common_store PRIVATE worker)
