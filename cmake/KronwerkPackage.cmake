# `cpack -G DEB`: a package for the Debian that it is built on; `cpack -G TGZ`: a tree that runs from anywhere,
# on machines that have the same libraries. Both have the examples, and say the licences of what is linked.
set(kronwerk_doc_dir ${CMAKE_INSTALL_DATADIR}/doc/kronwerk)

# Our licence, and the section on those of the libraries from the README.
file(READ ${PROJECT_SOURCE_DIR}/LICENSE kronwerk_licence)
file(READ ${PROJECT_SOURCE_DIR}/README.md kronwerk_readme)
string(FIND "${kronwerk_readme}" "## Licences" kronwerk_licences_begin)
if(kronwerk_licences_begin EQUAL -1)
  message(FATAL_ERROR "README.md has no section 'Licences', which packages carry")
endif()
string(SUBSTRING "${kronwerk_readme}" ${kronwerk_licences_begin} -1 kronwerk_licences)
file(WRITE ${PROJECT_BINARY_DIR}/copyright "${kronwerk_licence}\n${kronwerk_licences}")
# The README where Debian's users look for it, its links to the pages beside the examples.
string(REGEX REPLACE "\\]\\(([A-Za-z])" "](../../kronwerk/\\1" kronwerk_linked "${kronwerk_readme}")
string(REPLACE "](../../kronwerk/http" "](http" kronwerk_linked "${kronwerk_linked}")
file(WRITE ${PROJECT_BINARY_DIR}/doc/README.md "${kronwerk_linked}")
install(FILES ${PROJECT_BINARY_DIR}/copyright ${PROJECT_BINARY_DIR}/doc/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${kronwerk_doc_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/kronwerk/configs
        PATTERN "results" EXCLUDE)
# What these pages link to.
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/CONTRIBUTING.md
        DESTINATION ${CMAKE_INSTALL_DATADIR}/kronwerk)
install(FILES ${PROJECT_SOURCE_DIR}/src/README.md ${PROJECT_SOURCE_DIR}/src/MATHEMATICS.md
        DESTINATION ${CMAKE_INSTALL_DATADIR}/kronwerk/src)
install(FILES ${PROJECT_SOURCE_DIR}/tests/installed_consumer/main.cpp
              ${PROJECT_SOURCE_DIR}/tests/installed_consumer/CMakeLists.txt
        DESTINATION ${CMAKE_INSTALL_DATADIR}/kronwerk/tests/installed_consumer)
install(PROGRAMS ${PROJECT_SOURCE_DIR}/jobs/slurm.sh DESTINATION ${CMAKE_INSTALL_DATADIR}/kronwerk)

set(CPACK_PACKAGE_NAME kronwerk)
set(CPACK_PACKAGE_CONTACT "The kronwerk authors <kronwerk@localhost>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_BINARY_DIR}/copyright)
set(CPACK_GENERATOR "TGZ")
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # the packages of what is linked
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
set(CPACK_DEBIAN_PACKAGE_DEPENDS openmpi-bin)  # mpirun
if(kronwerk_mpi_family STREQUAL "MPICH")
  set(CPACK_DEBIAN_PACKAGE_DEPENDS mpich)
endif()
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3-h5py, python3-matplotlib, python3-pil, python3-yaml")  # to plot
include(CPack)
