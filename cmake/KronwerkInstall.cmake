# Installs the program, the libraries, their headers and the package that find_package(kronwerk)
# reads. Dependencies are not exported: the package finds them again with the same file as we do.
include(CMakePackageConfigHelpers)

get_property(kronwerk_layers GLOBAL PROPERTY KRONWERK_LAYERS)
set(kronwerk_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/kronwerk)

install(TARGETS ${kronwerk_layers} EXPORT kronwerkTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/kronwerk DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp")
install(EXPORT kronwerkTargets NAMESPACE kronwerk:: DESTINATION ${kronwerk_package_dir})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/kronwerkConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/kronwerkConfig.cmake
                              INSTALL_DESTINATION ${kronwerk_package_dir})
# Before 1.0 every minor version may change interfaces.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/kronwerkConfigVersion.cmake
                                 VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/kronwerkConfig.cmake
              ${PROJECT_BINARY_DIR}/kronwerkConfigVersion.cmake
        DESTINATION ${kronwerk_package_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/cmake/ DESTINATION ${kronwerk_package_dir}
        FILES_MATCHING REGEX "/Kronwerk(Dependencies|Parts|Petsc|Hdf5|Blas|Scalapack)\\.cmake$")
