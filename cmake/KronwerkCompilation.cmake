# What makes compiling quick: a compiler cache where one is installed, and precompiled headers of the
# libraries that most files include. Sources name every header that they use all the same: the
# sanitizer builds are without precompiled headers, so that a missing one is seen.
option(KRONWERK_PRECOMPILE "Precompile the headers that most files include" ON)

find_program(KRONWERK_CCACHE ccache)
mark_as_advanced(KRONWERK_CCACHE)
if(KRONWERK_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without these ccache takes every file that uses a precompiled header for one it cannot keep.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ccache)
endif()

set(kronwerk_precompiled_standard <algorithm> <array> <cmath> <cstdint> <functional> <limits> <map>
    <memory> <optional> <span> <string> <utility> <vector> <fmt/format.h>)

# kronwerk_add_precompiled_headers(name LINK libraries... HEADERS headers...): a target whose
# precompiled headers others use by kronwerk_use_precompiled_headers(target name).
function(kronwerk_add_precompiled_headers name)
  cmake_parse_arguments(headers "" "" "LINK;HEADERS" ${ARGN})
  if(NOT KRONWERK_PRECOMPILE)
    return()
  endif()
  set(source ${PROJECT_BINARY_DIR}/${name}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "// The precompiled headers belong to a target; this is its source.\n")
  add_library(kronwerk_${name} OBJECT ${source})
  target_link_libraries(kronwerk_${name} PRIVATE ${headers_LINK})
  kronwerk_precompile_headers(kronwerk_${name} ${headers_HEADERS})
  kronwerk_set_options(kronwerk_${name})
endfunction()

# kronwerk_precompile_headers(target headers...): of a target alone.
function(kronwerk_precompile_headers target)
  if(NOT KRONWERK_PRECOMPILE)
    return()
  endif()
  target_precompile_headers(${target} PRIVATE ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
endfunction()

function(kronwerk_use_precompiled_headers target name)
  if(NOT KRONWERK_PRECOMPILE)
    return()
  endif()
  # A definition or code model of its own would make the headers another program's.
  set_target_properties(${target} PROPERTIES DEFINE_SYMBOL "")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
  target_precompile_headers(${target} REUSE_FROM kronwerk_${name})
endfunction()
