#include "kronwerk/io/files/stack.hpp"

#include <cmath>
#include <complex>

#include "io/hdf5/hdf5_input.hpp"
#include "io/hdf5/test_files.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::io {
namespace {

using core::Extents;
using core::Index;
using Complex = std::complex<double>;

class Stack : public test::InDirectory {
 protected:
  /// A result with a matrix of `rows` x 3 whose values tell where they come from, and a number.
  std::string write(int number, Index rows, bool extra = false) {
    const std::string name = directory_ / ("point-" + std::to_string(number) + ".h5");
    ResultFile file(comm_, name, true);
    file.write_scalar("/deep/number", 10.0 * number);
    file.create_dataset("/matrix", Extents{rows, 3});
    std::vector<double> values;
    for (Index i = 0; i < rows * 3; ++i) {
      values.push_back(100.0 * number + static_cast<double>(i));
    }
    file.write_range("/matrix", 0, comm_.is_root() ? values : std::vector<double>{});
    file.create_complex_dataset("/complex", Extents{2});
    const std::vector<Complex> pair{{1.0 * number, 2}, {3, -1.0 * number}};
    file.write_complex_range("/complex", 0, comm_.is_root() ? pair : std::vector<Complex>{});
    if (extra) file.write_vector("/extra", std::vector<double>{5, 6});
    file.write_attribute("/", "configuration", std::string("task: ") + std::to_string(number));
    file.commit();
    return name;
  }

  std::vector<double> values(const std::string& path, Extents& shape) {
    const Location location{target_, path};
    shape = inspect(comm_, location).shape;
    std::vector<double> result(static_cast<std::size_t>(core::product(shape)));
    read_range(comm_, location, 0, result, true);
    return result;
  }

  void stack(const std::vector<std::string>& files, const Extents& axes) {
    ResultFile target(comm_, target_, true);
    stack_results(comm_, files, axes, target);
    target.commit();
  }

  std::string target_ = directory_ / "all.h5";
};

TEST_F(Stack, PutsTheAxesInFrontOfEveryShape) {
  std::vector<std::string> files;
  for (int i = 0; i < 6; ++i) files.push_back(write(i, 2));
  stack(files, {3, 2});
  Extents shape;
  const auto numbers = values("/deep/number", shape);
  EXPECT_EQ(shape, (Extents{3, 2}));
  EXPECT_EQ(numbers, (std::vector<double>{0, 10, 20, 30, 40, 50}));
  const auto matrices = values("/matrix", shape);
  EXPECT_EQ(shape, (Extents{3, 2, 2, 3}));
  for (int i = 0; i < 36; ++i) {
    EXPECT_EQ(matrices[static_cast<std::size_t>(i)], 100 * (i / 6) + i % 6);
  }
}

TEST_F(Stack, KeepsComplexNumbers) {
  stack({write(4, 1), write(5, 1), write(6, 1)}, {3});
  const auto file = open_input(target_);
  const auto dataset = open_dataset(file, {target_, "/complex"});
  EXPECT_EQ(shape_of(dataset.get()), (Extents{3, 2}));
  const auto type = TypeHandle::adopt(H5Dget_type(dataset.get()));
  std::vector<Complex> found(6);
  ASSERT_GE(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, found.data()), 0);
  EXPECT_EQ(found, (std::vector<Complex>{{4, 2}, {3, -4}, {5, 2}, {3, -5}, {6, 2}, {3, -6}}));
}

TEST_F(Stack, FillsWhatAFileLacksWithNaN) {
  stack({write(1, 1), write(2, 3, true)}, {2});
  Extents shape;
  const auto matrices = values("/matrix", shape);
  EXPECT_EQ(shape, (Extents{2, 3, 3}));
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_TRUE(i < 3 ? matrices[i] == 100 + static_cast<double>(i) : std::isnan(matrices[i])) << i;
    EXPECT_EQ(matrices[9 + i], 200 + static_cast<double>(i));
  }
  const auto extra = values("/extra", shape);
  EXPECT_EQ(shape, (Extents{2, 2}));
  EXPECT_TRUE(std::isnan(extra[0]) && std::isnan(extra[1]));
  EXPECT_EQ(extra[2], 5);
  EXPECT_EQ(extra[3], 6);
}

TEST_F(Stack, TellsTheConfigurationOfAResult) {
  const std::string file = write(7, 1);
  EXPECT_EQ(configuration_of(file), "task: 7");
  EXPECT_EQ(read_number({file, "/deep/number"}), 70);
  EXPECT_EQ(configuration_of(directory_ / "absent.h5"), "");
  EXPECT_EQ(configuration_of(directory_.name()), "");
}

TEST_F(Stack, ReadsOneNumberAndRefusesNoneAndSeveral) {
  const std::string file = write(0, 1) + ".numbers.h5";
  if (comm_.rank() == 0) {
    const auto handle =
        FileHandle::adopt(H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, file_access().get()));
    const auto add = [&](const char* name, const std::vector<hsize_t>& shape, bool chunks) {
      const auto space = SpaceHandle::adopt(
          H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr));
      const auto layout = PropertiesHandle::adopt(H5Pcreate(H5P_DATASET_CREATE));
      const std::vector<hsize_t> chunk(shape.size(), 2);
      if (chunks) H5Pset_chunk(layout.get(), static_cast<int>(chunk.size()), chunk.data());
      DatasetHandle::adopt(H5Dcreate2(handle.get(), name, H5T_NATIVE_DOUBLE, space.get(),
                                      H5P_DEFAULT, layout.get(), H5P_DEFAULT));
    };
    add("/one", {1, 1}, false);
    add("/none", {3, 0, 2}, true);
    add("/short", {0}, false);
    add("/several", {2, 2}, false);
  }
  comm_.barrier();
  EXPECT_EQ(read_number({file, "/one"}), 0);
  for (const char* name : {"/none", "/short", "/several"}) {
    EXPECT_THROW(static_cast<void>(read_number({file, name})), core::DataError) << name;
  }
  try {
    static_cast<void>(read_number({file, "/none"}));
  } catch (const core::DataError& error) {
    EXPECT_NE(std::string(error.what()).find("has 0 values (3 x 0 x 2); expected one number"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(Stack, RefusesFilesOfDifferentKinds) {
  const std::string first = write(1, 1);
  const std::string name = directory_ / "other.h5";
  {
    ResultFile file(comm_, name, true);
    file.write_vector("/matrix", std::vector<double>{1, 2});
    file.commit();
  }
  test::expect_error(core::ErrorKind::data, "/matrix", [&] { stack({first, name}, {2}); });
}

}  // namespace
}  // namespace kronwerk::io
