#pragma once

#include <functional>
#include <limits>
#include <regex>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {

using Shape = std::vector<std::int64_t>;
using Values = std::vector<double>;

/// Central differences of f by every number.
inline Values differences(const Values& at, const std::function<double(const Values&)>& f) {
  constexpr double step = 1e-5;
  Values result, moved = at;
  for (std::size_t n = 0; n < at.size(); ++n) {
    moved[n] = at[n] + step;
    const double above = f(moved);
    moved[n] = at[n] - step;
    result.push_back((above - f(moved)) / (2 * step));
    moved[n] = at[n];
  }
  return result;
}

/// A file with the points /x of a cloud that no memory holds, without their values.
inline void write_huge_cloud(const std::filesystem::path& file) {
  const hid_t target = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const std::vector<hsize_t> extents{10'000'000'000'000, 2};
  const hid_t space = H5Screate_simple(2, extents.data(), nullptr);
  const hid_t points =
      H5Dcreate2(target, "/x", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_GE(points, 0);
  H5Dclose(points);
  H5Sclose(space);
  H5Fclose(target);
}

/// Two small clouds: x and v vary with i, y and w with j, c with neither.
class Clouds : public ProgramTest {
 protected:
  static constexpr std::size_t rows = 7;
  static constexpr std::size_t columns = 11;
  static constexpr std::size_t k = 3;

  void SetUp() override {
    ProgramTest::SetUp();
    if (program_.empty()) return;
    x_ = oracle::random_vector(rows * 2, 1);
    y_ = oracle::random_vector(columns * 2, 2);
    // Points that occur twice, for ties.
    for (std::size_t c = 0; c < 2; ++c) {
      y_[6 + c] = y_[c];
      x_[8 + c] = x_[2 + c] = y_[c];
    }
    w_ = oracle::random_vector(columns, 3);
    v_ = oracle::random_vector(rows, 4);
    for (double& value : w_) value += 2;
    for (double& value : v_) value += 2;
    io::DataFile file(path("cloud.h5").string());
    file.write_dense("/x", std::vector<core::Index>{rows, 2}, x_);
    file.write_dense("/y", std::vector<core::Index>{columns, 2}, y_);
    file.write_dense("/w", std::vector<core::Index>{columns}, w_);
    file.write_dense("/v", std::vector<core::Index>{rows, 1}, v_);
    file.write_dense("/c", std::vector<core::Index>{2}, Values{0.5, -0.25});
    Values bad = x_;
    bad[5] = std::numeric_limits<double>::quiet_NaN();
    file.write_dense("/bad", std::vector<core::Index>{rows, 2}, bad);
    file.write_dense("/wide", std::vector<core::Index>{columns, 3}, Values(columns * 3, 1.0));
    file.write_dense("/short", std::vector<core::Index>{columns - 1, 2}, Values(20, 1.0));
    file.commit();
  }

  /// A job with the points that its formulas name.
  static std::string job(const std::string& formula, const std::string& more,
                         const std::string& weight = "") {
    std::string text = "task: reduce\npoints:\n";
    for (const auto& [name, index] : std::vector<std::pair<std::string, std::string>>{
             {"x", "i"}, {"v", "i"}, {"y", "j"}, {"w", "j"}, {"c", "none"}}) {
      const std::regex word("\\b" + name + "\\b");
      if (!std::regex_search(formula + " " + weight, word)) continue;
      text += fmt::format("  {0}: {{file: cloud.h5, dataset: /{0}, index: {1}}}\n", name, index);
    }
    if (std::regex_search(formula, std::regex("\\bs\\b"))) text += "parameters: {s: 1.3}\n";
    if (!weight.empty()) text += fmt::format("weight: \"{}\"\n", weight);
    return text + fmt::format("formula: \"{}\"\n{}\n", formula, more) +
           "output: {file: results/out.h5, overwrite: true}\n";
  }

  Values x_, y_, w_, v_;
};

}  // namespace kronwerk::end_to_end
