// Data files that lead out of themselves: refused unless that is allowed, and then complete.
#include <hdf5.h>

#include <array>

#include "io/hdf5/hdf5_handle.hpp"
#include "io/hdf5/test_files.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/io/hdf5/show.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

class External : public test::InDirectory {
 protected:
  External() {
    if (comm_.is_root()) {
      write("source.h5", [&](hid_t file) { add_dataset(file, "W", H5P_DEFAULT); });
      write("data.h5", [&](hid_t file) { fill(file); });
    }
    comm_.barrier();
  }

  void write(const std::string& name, const std::function<void(hid_t)>& work) {
    const auto access = io::file_access();
    const auto file = io::FileHandle::adopt(
        H5Fcreate((directory_ / name).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()));
    work(file.get());
  }
  static io::SpaceHandle space() {
    const std::array<hsize_t, 2> sizes{2, 2};
    return io::SpaceHandle::adopt(H5Screate_simple(2, sizes.data(), nullptr));
  }
  static io::PropertiesHandle creation() {
    return io::PropertiesHandle::adopt(H5Pcreate(H5P_DATASET_CREATE));
  }
  static void add_dataset(hid_t file, const char* name, hid_t properties) {
    const auto dataset = io::DatasetHandle::adopt(H5Dcreate2(
        file, name, H5T_NATIVE_DOUBLE, space().get(), H5P_DEFAULT, properties, H5P_DEFAULT));
    const std::array<double, 4> values{1, 2, 3, 4};
    const auto storage = io::PropertiesHandle::adopt(H5Dget_create_plist(dataset.get()));
    if (H5Pget_layout(storage.get()) != H5D_VIRTUAL && H5Pget_external_count(storage.get()) == 0) {
      H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    }
  }
  static void add_virtual(hid_t file, const char* name, const char* source, const char* dataset) {
    const auto properties = creation();
    H5Pset_virtual(properties.get(), space().get(), source, dataset, space().get());
    add_dataset(file, name, properties.get());
  }
  void add_raw(hid_t file, const char* name, const std::string& raw) const {
    const auto properties = creation();
    H5Pset_external(properties.get(), (directory_ / raw).c_str(), 0, H5F_UNLIMITED);
    add_dataset(file, name, properties.get());
  }
  void fill(hid_t file) const {
    add_dataset(file, "own", H5P_DEFAULT);
    H5Lcreate_external("source.h5", "/W", file, "linked", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("source.h5", "/", file, "folder", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/linked", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/own", file, "inside", H5P_DEFAULT, H5P_DEFAULT);
    add_virtual(file, "virtual", "source.h5", "W");
    add_virtual(file, "of_own", ".", "own");
    add_virtual(file, "itself", ".", "itself");
    add_virtual(file, "ping", ".", "pong");
    add_virtual(file, "pong", ".", "ping");
    add_virtual(file, "absent", "absent.h5", "W");
    test::write_text(directory_ / "raw.bin", std::string(32, '\0'));
    test::write_text(directory_ / "short.bin", std::string(31, '\0'));
    add_raw(file, "raw", "raw.bin");
    add_raw(file, "short", "short.bin");
    add_raw(file, "missing", "missing.bin");
    add_raw(file, "directory", "");
  }

  io::Location at(const std::string& dataset, bool external = false) const {
    return {directory_ / "data.h5", dataset, external};
  }
  std::vector<double> read(const io::Location& location) const {
    std::vector<double> values(4);
    io::read_range(comm_, location, 0, values);
    return values;
  }

  const std::vector<double> values_{1, 2, 3, 4};
};

TEST_F(External, ValuesInOtherFilesAreRefusedOnEveryRank) {
  for (const auto& [dataset, what] : std::vector<std::pair<std::string, std::string>>{
           {"linked", "is behind an external link to source.h5:/W, which is not followed"},
           {"soft", "is behind an external link to source.h5:/W"},
           {"folder/W", "is behind an external link to source.h5:/"},
           {"virtual", "its values are not in this file (virtual, from 1 source, first source.h5"},
           {"itself", "its values are not in this file (virtual"},
           {"raw", "its values are not in this file (stored outside, in "}}) {
    SCOPED_TRACE(dataset);
    const io::Location place = at(dataset);
    expect_error(ErrorKind::data, what, [&] { io::inspect(comm_, place); });
    expect_error(ErrorKind::data, "'data: {external: true}'", [&] { read(place); });
    expect_error(ErrorKind::data, what, [&] { io::read_dense(comm_, place); });
  }
  EXPECT_EQ(read(at("own")), values_);
  EXPECT_EQ(read(at("inside")), values_);
}

TEST_F(External, ValuesInOtherFilesAreReadWhereThatIsAllowed) {
  for (const char* dataset : {"linked", "soft", "folder/W", "virtual", "of_own"}) {
    SCOPED_TRACE(dataset);
    EXPECT_EQ(io::inspect(comm_, at(dataset, true)).shape, (core::Extents{2, 2}));
    EXPECT_EQ(read(at(dataset, true)), values_);
  }
  EXPECT_EQ(read(at("raw", true)), std::vector<double>(4, 0.0));
}

TEST_F(External, SourcesThatAreNotThereOrLeadBackAreRefusedEvenThen) {
  for (const auto& [dataset, what] : std::vector<std::pair<std::string, std::string>>{
           {"itself", "is a virtual dataset that is its own source"},
           {"ping", "is a virtual dataset that is its own source"},
           {"absent", "absent.h5: the file does not exist"},
           {"short", "short.bin, which has 31 bytes; 32 are needed"},
           {"missing", "missing.bin, which is no file here"},
           {"directory", "which is no file here"}}) {
    SCOPED_TRACE(dataset);
    const io::Location place = at(dataset, true);
    expect_error(ErrorKind::data, what, [&] { io::inspect(comm_, place); });
    expect_error(ErrorKind::data, what, [&] { read(place); });
  }
}

TEST_F(External, ShowNamesThemAndReadsNone) {
  communication::on_root(comm_, [&] {
    const auto text = io::describe_file(directory_ / "data.h5");
    for (const char* part :
         {"not followed: external link to source.h5:/W", "not read: virtual, from 1 source",
          "not read: stored outside, in ", "/itself", "/own"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
  });
}

TEST_F(External, NothingIsWrittenThroughALink) {
  communication::on_root(comm_, [&] {
    const auto one = std::vector<double>{1};
    io::DataFile data(directory_ / "data.h5", true);
    expect_error(ErrorKind::data, "is behind an external link",
                 [&] { data.write_dense("/folder/new", core::Extents{1}, one); });
    // The link goes, what it led to stays.
    data.write_dense("/linked", core::Extents{1}, one);
    data.commit();
  });
  EXPECT_EQ(io::read_vector(comm_, at("linked")), std::vector<double>{1});
  EXPECT_EQ(read({directory_ / "source.h5", "W"}), values_);
}

}  // namespace
}  // namespace kronwerk
