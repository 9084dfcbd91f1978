#pragma once

// Runs the program as a user does, under mpirun, and looks at what it leaves: exit code, messages,
// files. The tests themselves use no MPI, so that mpirun finds a clean environment.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "end_to_end/server/command_server.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::end_to_end {

struct Outcome {
  int code = -1;
  std::string output;
  std::string errors;

  /// How often the text is in what was printed.
  int count(const std::string& text) const {
    const std::string all = output + errors;
    int found = 0;
    for (std::size_t i = all.find(text); i != std::string::npos; i = all.find(text, i + 1)) ++found;
    return found;
  }
};

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

/// In the shell: the ranks that run in this directory, and the launcher of `job`, whatever it is
/// called.
inline constexpr const char* own_ranks =
    "$(for p in $(pgrep -x kronwerk); do [ \"$(readlink /proc/$p/cwd)\" = \"$PWD\" ] && echo $p; "
    "done)";
inline std::string one_own_rank() {
  return fmt::format("$(echo {} | cut -d' ' -f1)", own_ranks);
}
inline constexpr const char* own_launcher = "$(pgrep -P $job)";

/// A directory of its own for every test, removed afterwards.
class ProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* program = std::getenv("KRONWERK_PROGRAM");
    ASSERT_NE(program, nullptr) << "KRONWERK_PROGRAM names the program to test";
    program_ = program;
    std::string name = (std::filesystem::temp_directory_path() / "kronwerk-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path path(const std::string& name) const { return directory_ / name; }

  std::string command(int np, const std::string& arguments) const {
    return fmt::format("mpirun -n {} {} {}", np, program_, arguments);
  }

  /// Runs a shell command in the test's directory.
  Outcome shell(const std::string& line) const {
    const std::string full =
        fmt::format("cd {} && ( {} ) >out.txt 2>err.txt", directory_.string(), line);
    const int status = std::system(full.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(path("out.txt")),
            read_text(path("err.txt"))};
  }

  Outcome kronwerk(int np, const std::string& arguments) const {
    return shell("timeout -k 5 600 " + command(np, arguments));
  }

  /// The same in an MPI job that runs one command after the other, which saves the start; arguments
  /// are words separated by spaces.
  Outcome serve(int np, const std::string& arguments) const {
    for (const char* name : {"out.txt", "err.txt"}) std::filesystem::remove(path(name));
    const int code = CommandServer::of(program_, np).run(directory_, arguments);
    return {code, read_text(path("out.txt")), read_text(path("err.txt"))};
  }

  /// Writes job.yaml and runs it so. Gaussian fits have a process of their own: PETSc registers its
  /// optimisation methods once in a process, and forgets them between commands.
  Outcome run(int np, const std::string& text, const std::string& more = "") const {
    const bool fits = text.find("task: fit") != std::string::npos &&
                      text.find("covariance:") != std::string::npos;
    if (fits) return start(np, text, more);
    write_text(path("job.yaml"), text);
    return serve(np, "run job.yaml " + more);
  }
  /// The same in a process of its own, where what is counted or measured is the process's.
  Outcome start(int np, const std::string& text, const std::string& more = "") const {
    write_text(path("job.yaml"), text);
    return kronwerk(np, "run job.yaml " + more);
  }

  /// Exit code 2, one message that says so, and nothing left.
  void expect_refusal(const Outcome& outcome, const std::string& message) const {
    EXPECT_EQ(outcome.code, 2) << outcome.output << outcome.errors;
    EXPECT_GE(outcome.count(message), 1) << message << "\n--- instead:\n" << outcome.errors;
    EXPECT_EQ(outcome.count("kronwerk: ") - outcome.count("kronwerk: warning: "), 1)
        << outcome.errors;
    EXPECT_TRUE(is_clean());
  }
  /// The same of a job.
  void expect_refused(const std::string& text, const std::string& message, int np = 2,
                      const std::string& more = "") const {
    SCOPED_TRACE(text);
    expect_refusal(run(np, text, more), message);
  }
  /// The same of jobs and their messages.
  void expect_all_refused(const std::vector<std::pair<std::string, std::string>>& jobs,
                          int np = 2) const {
    for (const auto& [text, message] : jobs) expect_refused(text, message, np);
  }

  /// Of a grid of more than 2³¹ points that no memory holds; a PETSc of 32-bit indices does not
  /// come that far.
  void expect_too_large(const std::string& text) const {
    const Outcome outcome = run(2, text);
    if (shell(program_ + " --version").count("32-bit indices") > 0) {
      return expect_refusal(outcome, "was built with a PETSc of 32-bit indices, and the grid");
    }
    EXPECT_EQ(outcome.code, 4) << outcome.errors;
    EXPECT_EQ(outcome.count("the job does not fit: it needs"), 1) << outcome.errors;
    EXPECT_GE(outcome.count("per rank"), 1) << outcome.errors;
    EXPECT_EQ(outcome.count("would do"), 1) << outcome.errors;
    EXPECT_TRUE(is_clean());
  }

  /// Neither a result nor a temporary is left.
  bool is_clean(const std::string& folder = "results") const {
    return !std::filesystem::exists(path(folder)) || std::filesystem::is_empty(path(folder));
  }

  std::string program_;
  std::filesystem::path directory_;
};

/// Datasets of a result, read with HDF5 alone.
class Result {
 public:
  explicit Result(const std::filesystem::path& file)
      : file_(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)) {
    EXPECT_GE(file_, 0) << file;
  }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result() { H5Fclose(file_); }

  std::vector<std::int64_t> shape(const std::string& name) const {
    const hid_t dataset = H5Dopen2(file_, name.c_str(), H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    std::vector<hsize_t> sizes(8);
    const int rank = H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
    H5Sclose(space);
    H5Dclose(dataset);
    return {sizes.begin(), sizes.begin() + rank};
  }
  std::vector<double> values(const std::string& name) const {
    const hid_t dataset = H5Dopen2(file_, name.c_str(), H5P_DEFAULT);
    EXPECT_GE(dataset, 0) << name;
    if (dataset < 0) return {};
    const hid_t space = H5Dget_space(dataset);
    std::vector<double> result(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, result.data());
    H5Sclose(space);
    H5Dclose(dataset);
    return result;
  }
  double value(const std::string& name) const { return values(name).at(0); }
  bool has(const std::string& name) const {
    return H5Lexists(file_, name.c_str(), H5P_DEFAULT) > 0;
  }
  double number(const std::string& group, const std::string& name) const {
    const hid_t attribute =
        H5Aopen_by_name(file_, group.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(attribute, 0) << name;
    double result = 0;
    H5Aread(attribute, H5T_NATIVE_DOUBLE, &result);
    H5Aclose(attribute);
    return result;
  }
  std::string text(const std::string& group, const std::string& name) const {
    const hid_t attribute =
        H5Aopen_by_name(file_, group.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(attribute, 0) << name;
    if (attribute < 0) return "";
    const hid_t type = H5Aget_type(attribute);
    char* raw = nullptr;
    H5Aread(attribute, type, static_cast<void*>(&raw));
    std::string result = raw != nullptr ? raw : "";
    H5free_memory(raw);
    H5Tclose(type);
    H5Aclose(attribute);
    return result;
  }

 private:
  hid_t file_;
};

/// The stored entries of a dense matrix as a CSR group.
inline io::SparseMatrix to_sparse(const oracle::Matrix& dense) {
  io::SparseMatrix sparse;
  sparse.rows = dense.rows;
  sparse.cols = dense.cols;
  sparse.row_offsets.push_back(0);
  for (std::int64_t i = 0; i < dense.rows; ++i) {
    for (std::int64_t j = 0; j < dense.cols; ++j) {
      if (dense(i, j) == 0) continue;
      sparse.column_indices.push_back(static_cast<std::int32_t>(j));
      sparse.values.push_back(dense(i, j));
    }
    sparse.row_offsets.push_back(std::ssize(sparse.values));
  }
  return sparse;
}

/// The weight matrices of the tests, row-normalised.
inline oracle::Matrix weights(const std::string& kind, std::int64_t n) {
  oracle::Matrix w(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    if (kind == "ring" || (kind == "line" && i + 1 < n)) w(i, (i + 1) % n) = 1;
    if (kind == "ring" || (kind == "line" && i > 0)) w(i, (i + n - 1) % n) = 1;
    if (kind == "directed") {
      w(i, (i + 1) % n) = 1;
      w(i, (i + 2) % n) = 2;
    }
  }
  if (kind == "dense") {
    w = oracle::random_matrix(n, n, 17);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) w(i, j) = i == j ? 0 : w(i, j) + 1.25;
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < n; ++j) sum += w(i, j);
    for (std::int64_t j = 0; j < n && sum != 0; ++j) w(i, j) /= sum;
  }
  return w;
}

/// I - rho W
inline oracle::Matrix filter(const oracle::Matrix& w, double rho) {
  return oracle::add(1, oracle::identity(w.rows), -rho, w);
}

inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) result += a[i] * b[i];
  return result;
}

}  // namespace kronwerk::end_to_end
