# cmake -DSOURCE_DIR= -DBUILD_DIR= -DWORK_DIR= -DCXX= -DC= -DMPIEXEC= -DPAGES_TEST= -P run.cmake
# Installs BUILD_DIR to a prefix of its own, then configures, builds and runs the consumer there.
function(step)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${ARGN}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
step(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix)
step(${CMAKE_COMMAND} -G Ninja -S ${SOURCE_DIR}/tests/installed_consumer -B ${WORK_DIR}/build
     -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix
     -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_C_COMPILER=${C})
step(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
foreach(np 1 2)
  step(${MPIEXEC} -n ${np} ${WORK_DIR}/build/installed_consumer)
endforeach()
# The installed program finds the installed libraries, wherever the prefix is.
step(${WORK_DIR}/prefix/bin/kronwerk --version)
# So does it find what draws.
step(${WORK_DIR}/prefix/bin/kronwerk plot --help)
# The installed pages lead to what is installed.
step(${CMAKE_COMMAND} -E env KRONWERK_PAGES=${WORK_DIR}/prefix/share
     ${PAGES_TEST} --gtest_filter=Documentation.LinksLead*)
