# What the files that look for libraries share: one message per missing part, and what a library was
# built with.

# kronwerk_missing(part settings packages): remembers that a part was not found, what to set so that it is,
# and what Debian calls it.
function(kronwerk_missing part settings packages)
  set_property(GLOBAL APPEND_STRING PROPERTY KRONWERK_MISSING
               "\n  ${part} was not found: set ${settings} (Debian's package: ${packages})")
endfunction()

function(kronwerk_stop_if_missing)
  get_property(missing GLOBAL PROPERTY KRONWERK_MISSING)
  if(missing)
    set_property(GLOBAL PROPERTY KRONWERK_MISSING "")
    message(FATAL_ERROR "kronwerk lacks libraries:${missing}\n")
  endif()
endfunction()

# kronwerk_import(name INCLUDES directories... LINK libraries...): the target of one part.
function(kronwerk_import name)
  cmake_parse_arguments(part "" "" "INCLUDES;LINK" ${ARGN})
  add_library(${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${name} SYSTEM INTERFACE ${part_INCLUDES})
  target_link_libraries(${name} INTERFACE ${part_LINK})
endfunction()

# kronwerk_root(result names...): directories named by these variables, of CMake or of the environment.
function(kronwerk_root result)
  set(directories)
  foreach(name ${ARGN})
    if(${name})
      list(APPEND directories "${${name}}")
    endif()
    if(NOT "$ENV{${name}}" STREQUAL "")
      list(APPEND directories "$ENV{${name}}")
    endif()
  endforeach()
  set(${result} "${directories}" PARENT_SCOPE)
endfunction()

# The value of a #define in a header; empty if there is none.
function(kronwerk_header_value result header name)
  set(value)
  if(EXISTS "${header}")
    file(STRINGS "${header}" lines REGEX "^[ \t]*#[ \t]*define[ \t]+${name}([ \t]|$)")
    if(lines)
      list(GET lines 0 line)
      string(REGEX REPLACE "^[ \t]*#[ \t]*define[ \t]+${name}[ \t]*" "" value "${line}")
      string(REGEX REPLACE "[ \t]*/[*].*$" "" value "${value}")
      string(REPLACE "\"" "" value "${value}")
      if(value STREQUAL "")
        set(value 1)
      endif()
    endif()
  endif()
  set(${result} "${value}" PARENT_SCOPE)
endfunction()

# The file of that name below directories of headers; empty if there is none.
function(kronwerk_header_file result name)
  set(${result} "" PARENT_SCOPE)
  foreach(directory ${ARGN} /usr/include)
    if(EXISTS "${directory}/${name}")
      set(${result} "${directory}/${name}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# The MPI libraries that a shared library names: which it NEEDS, or its own name (SONAME). Bindings of other
# languages are left out: they come with the library of the same MPI.
function(kronwerk_mpi_names result entry)
  set(names)
  foreach(library ${ARGN})
    if(NOT CMAKE_READELF OR NOT EXISTS "${library}" OR NOT library MATCHES "\\.so")
      continue()
    endif()
    execute_process(COMMAND ${CMAKE_READELF} -d "${library}" OUTPUT_VARIABLE text ERROR_QUIET)
    string(REGEX MATCHALL
           "\\(${entry}\\)[^\n]*\\[lib(mpi|mpich|pmpi|mpi_(gnu|intel|cray|nvidia|amd|aocc)[_0-9]*)\\.so[^]\n]*\\]"
           lines "${text}")
    foreach(line ${lines})
      string(REGEX REPLACE "^.*\\[([^]]*)\\]$" "\\1" name "${line}")
      list(APPEND names ${name})
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES names)
  set(${result} "${names}" PARENT_SCOPE)
endfunction()

# Whether libraries were built with another MPI than ours: says which in the result, which is empty if not.
function(kronwerk_other_mpi result)
  kronwerk_mpi_names(ours SONAME ${MPI_C_LIBRARIES} ${MPI_CXX_LIBRARIES})
  kronwerk_mpi_names(theirs NEEDED ${ARGN})
  set(${result} "" PARENT_SCOPE)
  if(ours AND theirs)
    list(REMOVE_ITEM theirs ${ours})
    if(theirs)
      set(${result} "${theirs} instead of ${ours}" PARENT_SCOPE)
    endif()
  endif()
endfunction()
