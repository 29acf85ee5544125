# A room is a folder of src/: one library, its unit tests beside the code, and the rooms it may include.
#
#   braid_room(NAME [DEPS room …] [LIBS library …])
#
# Every x.cc of the folder is in the library braid_NAME, every x_test.cc in the program braid_NAME_test.
function(braid_room NAME)
  cmake_parse_arguments(ROOM "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  set(target braid_${NAME})
  list(TRANSFORM ROOM_DEPS PREPEND braid_)
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${target} ${scope} ${ROOM_DEPS} ${ROOM_LIBS})

  if(tests)
    add_executable(${target}_test ${tests})
    target_link_libraries(${target}_test PRIVATE ${target} braid_testing GTest::gmock GTest::gtest_main)
    # In the directory that __FILE__ is relative to where ccache makes it relative: tests find their data by it.
    gtest_discover_tests(${target}_test WORKING_DIRECTORY ${CMAKE_BINARY_DIR} DISCOVERY_TIMEOUT 60
                         PROPERTIES LABELS unit)
  endif()
endfunction()
