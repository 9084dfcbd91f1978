function(kronwerk_set_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                         -Wno-sign-conversion)
  # The MPI-2 C++ bindings are obsolete, and their headers do not compile without warnings.
  target_compile_definitions(${target} PRIVATE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 reports these inside its own std::string and std::vector at -O2 and above (PR 105329).
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-stringop-overflow)
    if(NOT KRONWERK_DEVELOPER)  # which is built at -O1
      target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-maybe-uninitialized)
    endif()
  elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # At -O1 Clang vectorises nothing, and says so of each loop that may be.
    target_compile_options(${target} PRIVATE -Wno-pass-failed)
  endif()
  if(KRONWERK_DEVELOPER)
    target_compile_options(${target} PRIVATE -Werror)
    target_compile_definitions(${target} PRIVATE _GLIBCXX_ASSERTIONS)
  endif()
  if(KRONWERK_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-omit-frame-pointer
                           -fno-sanitize-recover=undefined)
    target_link_options(${target} PRIVATE -fsanitize=address,undefined)
  endif()
  if(KRONWERK_FUZZ)  # every branch counted, so that libFuzzer sees what an input reaches
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    # What is fuzzed does not compute: one instruction set is enough.
    target_compile_definitions(${target} PRIVATE HWY_COMPILE_ONLY_STATIC)
  endif()
endfunction()

# kronwerk_add_layer(name [FOLDERS folders... | EXCEPT folders...] [SERIAL] [COLD] PUBLIC deps... PRIVATE deps...):
# the library of one layer, made of src/<name>/*.cpp and of its folders, with its public headers below
# include/kronwerk/<name>. FOLDERS: of these folders only, called <name>_<first folder>. EXCEPT: without
# those, which are libraries of their own. SERIAL: without MPI. COLD: no job spends its time there but waits for disks, so
# that it is compiled with -O1, in three quarters of the time. COMMON: a header that most of its
# sources include, to be precompiled. `.ci/includes` reads these calls.
function(kronwerk_add_layer name)
  cmake_parse_arguments(layer "SERIAL;COLD" "COMMON" "FOLDERS;EXCEPT;PUBLIC;PRIVATE" ${ARGN})
  if(layer_FOLDERS)
    set(patterns ${layer_FOLDERS})
    list(TRANSFORM patterns PREPEND ${PROJECT_SOURCE_DIR}/src/${name}/)
    list(TRANSFORM patterns APPEND /*.cpp)
    file(GLOB sources CONFIGURE_DEPENDS ${patterns})
    list(GET layer_FOLDERS 0 first)
    string(APPEND name _${first})
  else()
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp
         ${PROJECT_SOURCE_DIR}/src/${name}/*/*.cpp)
    foreach(folder ${layer_EXCEPT})
      list(FILTER sources EXCLUDE REGEX "/src/${name}/${folder}/")
    endforeach()
  endif()
  set(target kronwerk_${name})
  if(NOT sources)  # a layer that has public headers only so far
    set(sources ${PROJECT_BINARY_DIR}/${name}_empty.cpp)
    file(CONFIGURE OUTPUT ${sources} CONTENT "")
  endif()
  add_library(${target} ${sources})
  add_library(kronwerk::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION}
                        SOVERSION ${PROJECT_VERSION_MAJOR})
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC ${layer_PUBLIC} PRIVATE ${layer_PRIVATE})
  if(NOT KRONWERK_SANITIZE)
    target_link_options(${target} PRIVATE "LINKER:--no-undefined")
  endif()
  kronwerk_set_options(${target})
  if(layer_COLD AND NOT KRONWERK_DEVELOPER)  # whose builds take -O1 for everything
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
  if(layer_COMMON)
    kronwerk_precompile_headers(${target} ${kronwerk_precompiled_standard} <mpi.h>
                                ${PROJECT_SOURCE_DIR}/${layer_COMMON})
  elseif(layer_SERIAL)
    kronwerk_use_precompiled_headers(${target} serial_headers)
  else()
    kronwerk_use_precompiled_headers(${target} parallel_headers)
  endif()
  set_property(GLOBAL APPEND PROPERTY KRONWERK_LAYERS ${target})
endfunction()

# kronwerk_add_collection(name groups...): all libraries of a layer that is made of groups, for who wants
# them together.
function(kronwerk_add_collection name)
  list(TRANSFORM ARGN PREPEND kronwerk_${name}_ OUTPUT_VARIABLE libraries)
  add_library(kronwerk_${name} INTERFACE)
  add_library(kronwerk::${name} ALIAS kronwerk_${name})
  set_target_properties(kronwerk_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(kronwerk_${name} INTERFACE ${libraries})
  set_property(GLOBAL APPEND PROPERTY KRONWERK_LAYERS kronwerk_${name})
endfunction()
