// What configs/tasks.md says that every result has.
#include <hdf5.h>

#include <regex>
#include <set>
#include <sstream>

#include "application/job_test.hpp"

namespace kronwerk::application {
namespace {

using Names = std::set<std::string>;

/// The names in the first column of the page's table with this heading.
Names documented(const std::string& heading) {
  std::ifstream page(std::string(KRONWERK_SOURCE_DIR) + "/configs/tasks.md");
  static const std::regex name("`([a-z0-9_]+)`");
  Names names;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| " + heading + " |")) inside = true;
    if (!line.starts_with("|")) inside = false;
    if (!inside) continue;
    const std::string first = line.substr(0, line.find(" | "));
    for (std::sregex_iterator found(first.begin(), first.end(), name), end; found != end; ++found) {
      names.insert((*found)[1]);
    }
  }
  return names;
}

Names attributes(const std::string& file, const std::string& group) {
  const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t object = H5Oopen(id, group.c_str(), H5P_DEFAULT);
  Names names;
  const auto add = [](hid_t, const char* name, const H5A_info_t*, void* all) -> herr_t {
    static_cast<Names*>(all)->insert(name);
    return 0;
  };
  EXPECT_GE(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, add, &names), 0);
  H5Oclose(object);
  H5Fclose(id);
  return names;
}

class ResultPage : public JobTest {};

TEST_F(ResultPage, ListsTheAttributesOfAResult) {
  make_data([](io::DataFile& file) {
    file.write_dense("/A", Shape{2, 2}, Numbers{2, 1, 1, 3});
    file.write_dense("/x", Shape{2, 2}, Numbers{1, 0, 0, 1});
  });
  expect_done(
      "task: solve\nmatrices: {A: {file: data.h5, dataset: /A}}\noperator: \"kron(A, A)\"\n"
      "input: {file: data.h5, dataset: /x}\n");
  if (!comm_.is_root()) return;
  EXPECT_EQ(documented("Attributes of the file"), attributes(path("out.h5"), "/"));
  const Names found = attributes(path("out.h5"), "/report");
  const Names listed = documented("Attributes of `/report`");
  for (const char* name :
       {"converged", "method", "relative_residual", "accepted_by", "peak_bytes_per_rank"}) {
    EXPECT_TRUE(found.contains(name) && listed.contains(name)) << name;
  }
  EXPECT_TRUE(found.contains("seconds_solve"));
}

}  // namespace
}  // namespace kronwerk::application
