# What Open MPI's mpirun needs as root, on fewer cores than ranks; programs that run side by side must not be bound
# to the same core. Open MPI and PETSc keep memory until the process
# ends, which the leak check of the address sanitizer would report in every test.
set(kronwerk_mpi_environment
    OMPI_ALLOW_RUN_AS_ROOT=1
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    OMPI_MCA_rmaps_base_oversubscribe=1
    PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe  # the same for Open MPI 5
    OMPI_MCA_mpi_yield_when_idle=1
    OMPI_MCA_hwloc_base_binding_policy=none
    GTEST_BRIEF=1  # what failed, without the hundreds that did not
    ASAN_OPTIONS=detect_leaks=0)
# Developers' tests compare before each collective what the ranks are about to do.
if(KRONWERK_DEVELOPER)
  list(APPEND kronwerk_mpi_environment KRONWERK_CHECK_COLLECTIVES=1)
endif()

# <name>_tests from tests/<name>/*_test.cpp, linked with the given libraries.
function(kronwerk_add_test_program name)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cpp
       ${PROJECT_SOURCE_DIR}/tests/${name}/*/*_test.cpp)
  set(target ${name}_tests)
  add_executable(${target} ${sources})
  target_link_libraries(${target} PRIVATE ${ARGN})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/src)
  # Compiled like the precompiled headers, which are a library's.
  target_compile_options(${target} PRIVATE -fPIC)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests
                        POSITION_INDEPENDENT_CODE OFF)
  kronwerk_set_options(${target})
  kronwerk_use_precompiled_headers(${target} test_headers)
endfunction()

function(kronwerk_add_serial_tests layer)
  kronwerk_add_test_program(${layer} ${ARGN} GTest::gtest GTest::gtest_main)
  add_test(NAME ${layer} COMMAND ${layer}_tests)
  set_tests_properties(${layer} PROPERTIES LABELS ${layer} TIMEOUT 600)
endfunction()

# kronwerk_add_mpi_tests(layer [SEVERAL_NODES] libraries...): with SEVERAL_NODES, which layers take whose
# code asks for the node, also as if three ranks were two and one on two nodes and four one and three.
function(kronwerk_add_mpi_tests layer)
  cmake_parse_arguments(PARSE_ARGV 1 tests "SEVERAL_NODES" "" "")
  file(GLOB layer_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${layer}/*_test.cpp
       ${PROJECT_SOURCE_DIR}/tests/${layer}/*/*_test.cpp)
  if(NOT layer_tests)
    return()
  endif()
  kronwerk_add_test_program(${layer} kronwerk_blas_first ${tests_UNPARSED_ARGUMENTS}
                            kronwerk_test_main)
  set(runs 1 2 3 4)
  if(tests_SEVERAL_NODES)
    list(APPEND runs 2+1 1+3)
  endif()
  foreach(run ${runs})
    math(EXPR np ${run})
    set(name ${layer}_np${np})
    set(environment ${kronwerk_mpi_environment})
    if(NOT run EQUAL np)
      set(name ${name}_nodes_${run})
      string(REPLACE + _ name ${name})
      list(APPEND environment KRONWERK_TEST_NODES=${run})
    endif()
    add_test(NAME ${name} COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${np}
             $<TARGET_FILE:${layer}_tests>)
    set_tests_properties(${name} PROPERTIES LABELS "${layer};mpi" TIMEOUT 900 PROCESSORS ${np}
                         ENVIRONMENT "${environment}")
  endforeach()
endfunction()

# Serial programs that start mpirun themselves and look at what the program leaves. Mostly they wait for
# processes to start, so parts of them run side by side: part i of GoogleTest's shards.
function(kronwerk_add_program_tests name)
  kronwerk_add_test_program(${name} ${ARGN} GTest::gtest GTest::gtest_main)
  add_dependencies(${name}_tests kronwerk)
  set(parts 12)
  foreach(part RANGE 1 ${parts})
    math(EXPR index "${part} - 1")
    add_test(NAME ${name}_part_${part} COMMAND ${name}_tests)
    set_tests_properties(${name}_part_${part} PROPERTIES LABELS "${name};mpi" TIMEOUT 2400
      ENVIRONMENT "${kronwerk_mpi_environment};KRONWERK_PROGRAM=$<TARGET_FILE:kronwerk>;KRONWERK_SOURCE_DIR=${PROJECT_SOURCE_DIR};GTEST_TOTAL_SHARDS=${parts};GTEST_SHARD_INDEX=${index}")
  endforeach()
endfunction()
