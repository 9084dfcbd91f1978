#include "kronwerk/io/files/result_file.hpp"

#include <hdf5.h>
#include <hdf5_hl.h>
#include <sys/mount.h>

#include <complex>
#include <optional>
#include <stdexcept>

#include "io/hdf5/hdf5_input.hpp"
#include "io/hdf5/test_files.hpp"
#include "kronwerk/core/progress.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk {
namespace {

using communication::Communicator;
using core::ErrorKind;
using test::expect_error;

class ResultFile : public test::InDirectory {
 protected:
  std::string target_ = directory_ / "results/run.h5";

  std::optional<std::string> text_attribute(const std::string& path, const std::string& name) {
    const auto file = io::open_input(target_);
    const auto object = io::open_object(file, {target_, path});
    return io::string_attribute(object.get(), name);
  }
};

// Rank r's share of `count` values, each its own global index.
std::vector<double> share(const Communicator& comm, core::Index count, core::Index& offset) {
  offset = count * comm.rank() / comm.size();
  const auto end = count * (comm.rank() + 1) / comm.size();
  std::vector<double> values;
  for (auto i = offset; i < end; ++i) values.push_back(static_cast<double>(i));
  return values;
}

TEST_F(ResultFile, SaysHowFarItIsWithWhatTakesLong) {
  if (comm_.size() > 1) GTEST_SKIP() << "every rank says it of its own part";
  std::vector<core::Index> parts;
  core::set_progress_listener([&](std::string_view unit, core::Index done, core::Index total) {
    EXPECT_EQ(unit, "bytes");
    EXPECT_EQ(total, 8 * core::Index{9'000'000});
    parts.push_back(done);
  });
  io::ResultFile result(comm_, target_, false);
  result.create_dataset("/x", core::Extents{9'000'000});
  result.create_dataset("/small", core::Extents{3});
  result.write_range("/x", 0, std::vector<double>(9'000'000, 1.5));
  result.write_range("/small", 0, std::vector<double>(3, 1.5));
  core::set_progress_listener({});
  EXPECT_EQ(parts, (std::vector<core::Index>{core::Index{1} << 26, 72'000'000}));
}

TEST_F(ResultFile, HoldsSparseMatricesThatAreReadAgain) {
  io::SparseMatrix matrix;
  if (comm_.is_root()) matrix = {3, 4, {0, 2, 2, 3}, {0, 3, 1}, {1.5, -2, 4}};
  io::HeldResult held;
  {
    io::ResultFile result(comm_, target_, false);
    result.write_sparse("/path/1/factor", matrix);
    held = result.hold(directory_ / "results/held.h5");
  }
  io::ResultFile again(comm_, target_, false);
  again.create_sparse("/path/1/factor", 3, 4, 3);
  for (const auto& [name, count] : {std::pair("data", 3), {"indices", 3}, {"indptr", 4}}) {
    again.take_over(held, std::string("/path/1/factor/") + name, 0, count);
  }
  again.commit();
  const auto found = io::read_sparse(comm_, {target_, "/path/1/factor"});
  EXPECT_EQ(found.cols, 4);
  EXPECT_TRUE(std::ranges::equal(found.row_offsets.span(), std::vector<core::Index>{0, 2, 2, 3}));
  EXPECT_TRUE(std::ranges::equal(found.column_indices.span(), std::vector<std::int32_t>{0, 3, 1}));
  EXPECT_TRUE(std::ranges::equal(found.values.span(), std::vector<double>{1.5, -2, 4}));
  const auto info = io::inspect(comm_, {target_, "/path/1/factor"});
  EXPECT_TRUE(info.sparse && info.encoded);
}

TEST_F(ResultFile, EveryAxisHasADimensionScaleOnceOneIsNamed) {
  io::ResultFile result(comm_, target_, false);
  core::Index offset = 0;
  const auto values = share(comm_, 6, offset);
  result.create_dataset("/posterior/eta", core::Extents{2, 3});
  result.write_range("/posterior/eta", offset, values);
  result.create_integer_dataset("/posterior/chain", core::Extents{2});
  result.write_integer_range(
      "/posterior/chain", 0,
      comm_.is_root() ? std::vector<std::int64_t>{4, 5} : std::vector<std::int64_t>());
  result.write_vector("/report/history", std::vector<double>{1.0, 0.5});
  result.write_scalar("/posterior/number", 1);
  result.write_strings("/report/names", {"first", "second"});
  result.write_labels("/report/labels", {"ρ", "second"});
  result.name_axes("/posterior/eta", {"chain", "draw"});
  result.commit();
  if (!comm_.is_root()) return;
  const auto file = io::open_input(target_);
  const auto open = [&](const char* path) {
    return io::DatasetHandle::adopt(H5Dopen2(file.get(), path, H5P_DEFAULT));
  };
  const auto name_of = [&](const io::DatasetHandle& scale) {
    char text[100] = "";
    H5DSget_scale_name(scale.get(), text, sizeof text);
    return std::string(text);
  };
  const auto expect_scale = [&](const char* path, unsigned axis, const char* scale) {
    EXPECT_EQ(H5DSis_attached(open(path).get(), open(scale).get(), axis), 1)
        << path << " " << scale;
  };
  expect_scale("/posterior/eta", 0, "/posterior/chain");
  expect_scale("/posterior/eta", 1, "/posterior/draw");
  expect_scale("/report/history", 0, "/report/history_dim_0");
  expect_scale("/report/names", 0, "/report/names_dim_0");
  expect_scale("/report/labels", 0, "/report/labels_dim_0");
  const auto type = io::TypeHandle::adopt(H5Dget_type(open("/report/labels").get()));
  EXPECT_GT(H5Tis_variable_str(type.get()), 0);
  EXPECT_EQ(name_of(open("/posterior/chain")), "chain");
  EXPECT_EQ(name_of(open("/posterior/draw")),
            "This is a netCDF dimension but not a netCDF variable.         3");
  EXPECT_EQ(H5DSis_scale(open("/posterior/number").get()), 0);
}

TEST_F(ResultFile, ThatDiscardsTakesEverythingAndLeavesNothing) {
  core::Index offset = 0;
  const auto values = share(comm_, 77, offset);
  {
    io::ResultFile result = io::ResultFile::discarding(comm_, target_);
    for (int repeat = 0; repeat < 2; ++repeat) result.create_dataset("/result", core::Extents{77});
    result.create_complex_dataset("/complex", core::Extents{2});
    result.write_range("/result", offset, values);
    result.write_scalar("/sign", -1.0);
    result.write_vector("/history", std::vector<double>{1.0, 0.5});
    result.write_strings("/names", {"first"});
    result.write_attribute("/report", "iterations", core::Index{12});
    result.flush();
    result.commit();
  }
  const std::filesystem::path folder = std::filesystem::path(target_).parent_path();
  EXPECT_TRUE(!std::filesystem::exists(folder) || std::filesystem::is_empty(folder));
}

TEST_F(ResultFile, HoldsWhatEveryRankWrote) {
  const core::Extents shape{7, 11};
  const std::string configuration(100'000, 'k');
  core::Index offset = 0;
  const auto values = share(comm_, 77, offset);
  {
    io::ResultFile result(comm_, target_, false);
    result.create_dataset("/result", shape);
    result.create_dataset("/gradient/input", core::Extents{77});
    result.write_attribute("/", "configuration", configuration);
    result.write_range("/result", offset, values);
    result.write_range("/gradient/input", 76 - static_cast<core::Index>(comm_.rank()),
                       std::vector<double>{static_cast<double>(comm_.rank())});
    result.write_scalar("/sign", -1.0);
    result.write_vector("/history", std::vector<double>{1.0, 0.5});
    result.write_strings("/history_ids", {"first", "σ², second"});
    result.write_attribute("/report", "iterations", core::Index{12});
    result.write_attribute("/report", "method", std::string("direct: ⊗"));
    result.write_attribute("/report", "seconds", 0.25);
    EXPECT_FALSE(std::filesystem::exists(target_));
    result.commit();
  }
  std::vector<double> all(77);
  io::read_range(comm_, {target_, "result"}, 0, all);
  for (std::size_t i = 0; i < 77; ++i) EXPECT_EQ(all[i], static_cast<double>(i));
  EXPECT_EQ(io::inspect(comm_, {target_, "result"}).shape, shape);
  std::vector<double> last(1);
  io::read_range(comm_, {target_, "gradient/input"}, 77 - comm_.size(), last);
  EXPECT_EQ(last[0], comm_.size() - 1);
  EXPECT_EQ(io::read_vector(comm_, {target_, "history"}), (std::vector<double>{1.0, 0.5}));
  EXPECT_EQ(io::read_strings(comm_, {target_, "history_ids"}),
            (std::vector<std::string>{"first", "σ², second"}));
  io::read_range(comm_, {target_, "sign"}, 0, last);
  EXPECT_EQ(last[0], -1.0);
  EXPECT_EQ(text_attribute("/", "configuration"), configuration);
  EXPECT_EQ(text_attribute("/report", "method"), "direct: ⊗");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_ / "results"), {}), 1);
}

TEST_F(ResultFile, HoldsComplexNumbersAsACompoundOfTheirParts) {
  core::Index offset = 0;
  std::vector<std::complex<double>> values;
  for (const double value : share(comm_, 35, offset)) values.emplace_back(value, -2 * value);
  {
    io::ResultFile result(comm_, target_, false);
    result.create_complex_dataset("/result", core::Extents{5, 7});
    EXPECT_THROW(result.write_range("/result", 0, std::vector<double>{}), core::InternalError);
    result.write_complex_range("/result", offset, values);
    result.commit();
  }
  const auto file = io::open_input(target_);
  const auto dataset = io::DatasetHandle::adopt(H5Dopen2(file.get(), "/result", H5P_DEFAULT));
  // Read as a file of another program would: by the names of the members, in the other order.
  struct Number {
    double imaginary, real;
  };
  const auto type = io::TypeHandle::adopt(H5Tcreate(H5T_COMPOUND, sizeof(Number)));
  H5Tinsert(type.get(), "i", 0, H5T_NATIVE_DOUBLE);
  H5Tinsert(type.get(), "r", sizeof(double), H5T_NATIVE_DOUBLE);
  std::vector<Number> all(35);
  ASSERT_GE(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()), 0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].real, static_cast<double>(i));
    EXPECT_EQ(all[i].imaginary, -2 * static_cast<double>(i));
  }
}

TEST_F(ResultFile, HoldsIntegersExactlyAndSmallArraysOfAnyShape) {
  core::Index offset = 0;
  std::vector<std::int64_t> values;
  // Not to be had in floating point.
  constexpr std::int64_t base = (std::int64_t{1} << 60) + 1;
  for (const double value : share(comm_, 21, offset)) {
    values.push_back(base + static_cast<std::int64_t>(value));
  }
  {
    io::ResultFile result(comm_, target_, false);
    result.create_integer_dataset("/index", core::Extents{7, 3});
    EXPECT_THROW(result.write_range("/index", 0, std::vector<double>{}), core::InternalError);
    result.write_integer_range("/index", offset, values);
    result.write_array("/beta/covariance", core::Extents{2, 2}, std::vector<double>{1, 2, 3, 4});
    result.commit();
  }
  const auto file = io::open_input(target_);
  const auto dataset = io::DatasetHandle::adopt(H5Dopen2(file.get(), "/index", H5P_DEFAULT));
  std::vector<std::int64_t> all(21);
  ASSERT_GE(H5Dread(dataset.get(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()), 0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i], base + static_cast<std::int64_t>(i));
  }
  EXPECT_EQ(io::inspect(comm_, {target_, "/beta/covariance"}).shape, (core::Extents{2, 2}));
}

TEST_F(ResultFile, LeavesNothingBehindAfterAnExceptionAndKeepsTheOldResult) {
  const auto write = [&](double value, bool fail) {
    io::ResultFile result(comm_, target_, true);
    result.create_dataset("/result", core::Extents{1});
    result.write_range("/result", 0,
                       comm_.is_root() ? std::vector<double>{value} : std::vector<double>{});
    if (fail) throw std::runtime_error("as if the solve failed");
    result.commit();
  };
  EXPECT_THROW(write(1.0, true), std::runtime_error);
  comm_.barrier();
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "results"));
  comm_.barrier();
  write(2.0, false);
  EXPECT_THROW(write(3.0, true), std::runtime_error);
  std::vector<double> value(1);
  io::read_range(comm_, {target_, "result"}, 0, value);
  EXPECT_EQ(value[0], 2.0);
  write(4.0, false);
  io::read_range(comm_, {target_, "result"}, 0, value);
  EXPECT_EQ(value[0], 4.0);
}

TEST_F(ResultFile, RefusesToOverwriteUnlessAllowedAlsoWhenTheTargetAppearsLate) {
  io::ResultFile(comm_, target_, false).commit();
  expect_error(ErrorKind::configuration, "exists already",
               [&] { io::ResultFile(comm_, target_, false); });
  const std::string late = directory_ / "late.h5";
  io::ResultFile result(comm_, late, false);
  if (comm_.is_root()) test::write_text(late, "someone else's");
  comm_.barrier();
  expect_error(ErrorKind::configuration, "exists already", [&] { result.commit(); });
}

TEST_F(ResultFile, RefusesDirectoriesThatCannotBeCreatedOrWritten) {
  if (comm_.is_root()) test::write_text(directory_ / "plain", "");
  comm_.barrier();
  expect_error(ErrorKind::configuration, "cannot be created",
               [&] { io::ResultFile(comm_, directory_ / "plain/run.h5", false); });
  expect_error(ErrorKind::configuration, "is a directory",
               [&] { io::ResultFile(comm_, directory_.name(), true); });
  expect_error(ErrorKind::configuration, "output directory cannot be",
               [&] { io::ResultFile(comm_, "/proc/kronwerk/run.h5", false); });
  const std::string longest(5000, 'x');
  for (const std::string& name : {longest + "/run.h5", longest.substr(0, 300) + "/run.h5",
                                  longest.substr(0, 300) + "/sub/run.h5", longest + ".h5"}) {
    expect_error(ErrorKind::configuration, "File name too long",
                 [&] { io::ResultFile(comm_, directory_ / name, true); });
  }
  // A name that is just short enough leaves no room for the lock's, or the temporary file's.
  for (const std::size_t length : {255, 240}) {
    expect_error(ErrorKind::configuration, "choose a shorter one",
                 [&] { io::ResultFile(comm_, directory_ / longest.substr(0, length), true); });
  }
  for (const auto& entry : std::filesystem::directory_iterator(directory_.name())) {
    EXPECT_EQ(entry.path().filename(), "plain") << "left behind";
  }
}

TEST_F(ResultFile, RemovesTemporariesOfTheSameTargetWhoseWriterHasNoLock) {
  const std::string name = directory_ / "run.h5";
  const auto temporary = [&](const std::string& target, const std::string& id) {
    return directory_ / (target + "." + id + ".part");
  };
  // Of any host and age: without the target's lock, there is no writer.
  const std::vector<std::string> abandoned{temporary("run.h5", "some-host-999999999-1-0"),
                                           temporary("run.h5", "other-host-17-1-0")};
  const std::vector<std::string> others{temporary("other.h5", "some-host-999999999-1-0"),
                                        temporary("run.h5", "notes"), directory_ / "run.h5.part"};
  if (comm_.is_root()) {
    for (const auto& files : {abandoned, others}) {
      for (const auto& file : files) test::write_text(file, "");
    }
  }
  comm_.barrier();
  {
    io::ResultFile first(comm_, name, true);
    for (const auto& file : abandoned) EXPECT_FALSE(std::filesystem::exists(file)) << file;
    // This one's own stays when another job comes, however old it looks.
    if (comm_.is_root()) {
      for (const auto& entry : std::filesystem::directory_iterator(directory_.name())) {
        std::filesystem::last_write_time(
            entry, std::filesystem::file_time_type::clock::now() - std::chrono::hours(48));
      }
    }
    comm_.barrier();
    expect_error(ErrorKind::configuration, "another job is writing this file",
                 [&] { io::ResultFile(comm_, name, true); });
    first.commit();
  }
  for (const auto& file : others) EXPECT_TRUE(std::filesystem::exists(file)) << file;
  EXPECT_TRUE(std::filesystem::exists(name));
}

TEST_F(ResultFile, RefusesRangesOutsideTheDatasetOnEveryRank) {
  io::ResultFile result(comm_, target_, false);
  result.create_dataset("/result", core::Extents{10});
  const core::Index offset = comm_.rank() + 1 == comm_.size() ? 9 : 0;
  expect_error(ErrorKind::shape, "10 values",
               [&] { result.write_range("/result", offset, std::vector<double>(2)); });
  expect_error(ErrorKind::internal, "not declared",
               [&] { result.write_range("/other", 0, std::vector<double>(2)); });
}

// A file system of one megabyte, where root may mount one.
class FullDisk : public ResultFile {
 protected:
  void SetUp() override {
    int mounted = 0;
    disk_ = directory_ / "disk";
    if (comm_.is_root()) {
      std::filesystem::create_directory(disk_);
      mounted = ::mount("none", disk_.c_str(), "tmpfs", 0, "size=1m") == 0 ? 1 : 0;
    }
    mounted_ = comm_.max(core::Index{mounted}) != 0;
    if (!mounted_) GTEST_SKIP() << "needs the right to mount a tmpfs";
  }
  void TearDown() override {
    comm_.barrier();
    if (mounted_ && comm_.is_root()) ::umount2(disk_.c_str(), MNT_DETACH);
    comm_.barrier();
  }
  bool mounted_ = false;
  std::string disk_;
};

TEST_F(FullDisk, IsARefusalOnEveryRankWhenTheDatasetIsDeclared) {
  expect_error(ErrorKind::resource, "the disk is full", [&] {
    io::ResultFile result(comm_, disk_ + "/run.h5", false);
    result.create_dataset("/result", core::Extents{1'000'000});
  });
  comm_.barrier();
  EXPECT_TRUE(std::filesystem::is_empty(disk_));
}

TEST_F(FullDisk, IsARefusalWhenTheAttributesNoLongerFit) {
  expect_error(ErrorKind::resource, "the disk is full", [&] {
    io::ResultFile result(comm_, disk_ + "/run.h5", false);
    result.create_dataset("/result", core::Extents{30'000});
    result.write_attribute("/", "configuration", std::string(1 << 20, 'k'));
    result.commit();
  });
  comm_.barrier();
  EXPECT_TRUE(std::filesystem::is_empty(disk_));
}

TEST_F(FullDisk, IsARefusalForDataFilesWhoseOldContentsStay) {
  if (!comm_.is_root()) return;
  const std::string file = disk_ + "/data.h5";
  {
    io::DataFile data(file);
    data.write_dense("/x", core::Extents{2}, std::vector<double>{1, 2});
    data.commit();
  }
  const auto size = std::filesystem::file_size(file);
  expect_error(ErrorKind::resource, "the disk is full", [&] {
    io::DataFile data(file);
    data.write_dense("/y", core::Extents{200'000}, std::vector<double>(200'000));
    data.commit();
  });
  EXPECT_EQ(std::filesystem::file_size(file), size);
}

TEST_F(ResultFile, DataFilesKeepOtherDatasetsAndReplaceOnlyOnRequest) {
  communication::on_root(comm_, [&] {
    const std::string file = directory_ / "data.h5";
    const auto write = [&](const std::string& path, double value, bool overwrite) {
      io::DataFile data(file, overwrite);
      data.write_dense(path, core::Extents{1}, std::vector<double>{value});
      data.commit();
    };
    write("/a", 1, false);
    write("/b/c", 2, false);
    expect_error(ErrorKind::configuration, "a: exists already", [&] { write("/a", 3, false); });
    expect_error(ErrorKind::configuration, "is a dataset", [&] { write("/a/x", 3, true); });
    write("/a", 4, true);
    test::write_text(directory_ / "text.h5", "no HDF5");
    expect_error(ErrorKind::data, "is not an HDF5 file",
                 [&] { io::DataFile(directory_ / "text.h5"); });
  });
  const std::string file = directory_ / "data.h5";
  EXPECT_EQ(io::read_vector(comm_, {file, "a"}), std::vector<double>{4});
  EXPECT_EQ(io::read_vector(comm_, {file, "b/c"}), std::vector<double>{2});
  EXPECT_EQ(directory_.file_count(), 2U);
}

}  // namespace
}  // namespace kronwerk
