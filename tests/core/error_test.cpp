#include "kronwerk/core/error.hpp"

#include <gtest/gtest.h>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::core {
namespace {

TEST(Error, EveryKindHasItsExitCodeAndIsThrownAsItself) {
  EXPECT_THROW(throw_error(ErrorKind::data, "x"), DataError);
  EXPECT_THROW(throw_error(ErrorKind::terminated, "x"), Terminated);
  EXPECT_THROW(throw_error(ErrorKind::singular, "x"), SingularError);
  EXPECT_THROW(throw_error(ErrorKind::singular, "x"), DataError);
  EXPECT_EQ(exit_code(ErrorKind::configuration), ExitCode::configuration);
  EXPECT_EQ(exit_code(ErrorKind::shape), ExitCode::configuration);
  EXPECT_EQ(exit_code(ErrorKind::singular), ExitCode::configuration);
  EXPECT_EQ(exit_code(ErrorKind::convergence), ExitCode::convergence);
  EXPECT_EQ(exit_code(ErrorKind::resource), ExitCode::resources);
  EXPECT_EQ(exit_code(ErrorKind::terminated), ExitCode::terminated);
  EXPECT_EQ(exit_code(ErrorKind::hdf5), ExitCode::failure);
}

TEST(Error, KnowsWhereItWasThrown) {
  try {
    throw DataError("bad");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.where().file_name()).find("error_test.cpp"), std::string::npos);
  }
}

TEST(Extents, ProductRefusesOverflowAndNegativeExtents) {
  EXPECT_EQ(product(Extents{}), 1);
  EXPECT_EQ(product(Extents{3, 0, 5}), 0);
  EXPECT_THROW(product(Extents{Index{1} << 32, Index{1} << 31}), ShapeError);
  EXPECT_THROW(product(Extents{-2}), ShapeError);
}

TEST(Narrow, RefusesWhatDoesNotFit) {
  EXPECT_EQ(narrow<int>(Index{7}), 7);
  EXPECT_THROW(narrow<int>(Index{1} << 31), ShapeError);
  EXPECT_THROW(narrow<unsigned>(-1), ShapeError);
}

}  // namespace
}  // namespace kronwerk::core
