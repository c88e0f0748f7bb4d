# Warnings are errors on both compilers; what a newer compiler adds is off until this list names it.
add_compile_options(-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wnull-dereference -Wno-missing-field-initializers)
add_compile_options(-fno-common -fstack-protector-strong -fno-strict-aliasing)
add_compile_definitions(_GNU_SOURCE DRUMBEAT_VERSION="${PROJECT_VERSION}")
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
# Assertions stay on in every build: what only a bug can break ends one child, whose task is retried and says so, instead of a row that
# is wrong. None of them is in a loop that is hot enough to notice.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()
if(DRUMBEAT_SANITIZE)
  add_compile_options(-fsanitize=${DRUMBEAT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DRUMBEAT_SANITIZE})
endif()
if(DRUMBEAT_ANALYZE)
  # gcc 12 does not see that memcpy() in a function called fills a structure; clang-tidy looks for the same.
  add_compile_options(-fanalyzer -Wno-analyzer-use-of-uninitialized-value)
endif()
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)
