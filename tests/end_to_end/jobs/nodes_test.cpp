// Jobs on several nodes, some of one rank: every example gives the same bits as on one.
#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <string_view>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

namespace fs = std::filesystem;

const std::set<std::string> without_jobs{"data", "scaling", "tutorials"};
/// These take minutes; jobs/hosts_examples.sh runs them.
const std::set<std::string> long_examples{"airports", "flow-general", "wind"};
const std::set<std::string> long_jobs{"posterior.yaml"};

/// The bytes of every dataset of a result, by name, but those of its report: seconds, hosts.
std::map<std::string, std::vector<char>> datasets(const fs::path& file) {
  using Contents = std::map<std::string, std::vector<char>>;
  Contents contents;
  const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  EXPECT_GE(id, 0) << file;
  if (id < 0) return contents;
  const auto read = [](hid_t root, const char* name, const H5O_info_t* info, void* data) -> herr_t {
    if (info->type != H5O_TYPE_DATASET || std::string_view(name).starts_with("report/")) return 0;
    const hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT);
    const hid_t type = H5Dget_type(dataset);
    const hid_t space = H5Dget_space(dataset);
    std::vector<char> bytes(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)) *
                            H5Tget_size(type));
    const herr_t status = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data());
    (*static_cast<Contents*>(data))[name] = std::move(bytes);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(dataset);
    return status;
  };
  EXPECT_GE(H5Ovisit(id, H5_INDEX_NAME, H5_ITER_NATIVE, read, &contents), 0);
  H5Fclose(id);
  return contents;
}

std::vector<std::string> example_folders() {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  std::vector<std::string> folders;
  if (source == nullptr) return folders;
  for (const auto& entry : fs::directory_iterator(fs::path(source) / "configs")) {
    if (fs::exists(entry.path() / "README.md") &&
        !without_jobs.contains(entry.path().filename().string()) &&
        !long_examples.contains(entry.path().filename().string())) {
      folders.push_back(entry.path().filename().string());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

class Nodes : public ProgramTest {
 protected:
  /// "KRONWERK_TEST_NODES=2+1 mpirun … run job.yaml", or without the variable if `nodes` is empty.
  Outcome run_on(const std::string& nodes, int np, const std::string& arguments) const {
    const std::string variable = nodes.empty() ? "" : "KRONWERK_TEST_NODES=" + nodes + " ";
    return shell(variable + "timeout -k 5 300 " + command(np, arguments));
  }
};

class ExamplesOnNodes : public Nodes, public testing::WithParamInterface<std::string> {
 protected:
  /// Runs the jobs of the example in a copy of all of them, those that read results of others
  /// after those.
  fs::path run_example(const std::string& copy, const std::string& nodes, int np) const {
    const char* source = std::getenv("KRONWERK_SOURCE_DIR");
    shell(fmt::format("mkdir {0} && cp -rs {1}/configs {0}/ && rm -rf {0}/configs/*/results", copy,
                      source != nullptr ? source : ""));
    const fs::path folder = path(copy) / "configs" / GetParam();
    std::vector<fs::path> jobs;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const fs::path& job = entry.path();
      if (job.extension() == ".yaml" && !long_jobs.contains(job.filename().string())) {
        jobs.push_back(job);
      }
    }
    EXPECT_FALSE(jobs.empty());
    std::sort(jobs.begin(), jobs.end());
    while (!jobs.empty()) {
      const auto next = std::find_if(jobs.begin(), jobs.end(),
                                     [&](const fs::path& job) { return is_ready(job); });
      if (next == jobs.end()) {
        ADD_FAILURE() << jobs.front() << " needs results that no job of the example writes";
        break;
      }
      const auto outcome = run_on(nodes, np, "run --quiet " + next->string());
      EXPECT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
      if (outcome.code != 0) break;
      jobs.erase(next);
    }
    return folder / "results";
  }

 private:
  static bool is_ready(const fs::path& job) {
    std::istringstream lines(read_text(job));
    const std::regex input("results/[^,} ]*");
    for (std::string line; std::getline(lines, line);) {
      std::smatch found;
      if (line.starts_with("output") || !std::regex_search(line, found, input)) continue;
      if (!fs::exists(job.parent_path() / found.str())) return false;
    }
    return true;
  }
};

TEST_P(ExamplesOnNodes, GiveTheSameBitsAsOnOneNode) {
  const fs::path expected = run_example("one", "", 3);
  const fs::path results = run_example("several", "2+1", 3);
  int files = 0;
  for (const auto& entry : fs::directory_iterator(expected)) {
    const auto wanted = datasets(entry.path());
    const auto found = datasets(results / entry.path().filename());
    EXPECT_FALSE(wanted.empty());
    EXPECT_EQ(found.size(), wanted.size());
    for (const auto& [name, bytes] : wanted) {
      const auto same = found.find(name);
      EXPECT_TRUE(same != found.end() && same->second == bytes)
          << entry.path().filename() << " " << name << " differs";
    }
    ++files;
  }
  EXPECT_GT(files, 0);
}

INSTANTIATE_TEST_SUITE_P(Configs, ExamplesOnNodes, testing::ValuesIn(example_folders()),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
// Without the variable that names the sources there is no example to find.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ExamplesOnNodes);

TEST_F(Nodes, AreCountedInThePlanAndRefusedIfTheyDoNotFit) {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const std::string job = fmt::format("{}/configs/sylvester/sylvester.yaml --set output.file={}",
                                      source, path("out.h5").string());
  auto outcome = run_on("1+2", 3, "run " + job);
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("3 ranks, 2 nodes"), 1) << outcome.output;
  for (const char* wrong : {"2+2", "1+1", "2+x", "0+3"}) {
    outcome = run_on(wrong, 3, "run " + job);
    EXPECT_EQ(outcome.code, 2) << wrong;
    EXPECT_EQ(outcome.count(fmt::format("KRONWERK_TEST_NODES={}:", wrong)), 1) << outcome.errors;
    EXPECT_EQ(outcome.count("for tests only"), 1) << outcome.errors;
  }
}

TEST_F(Nodes, LoseWhatAKilledJobLeftInSharedMemory) {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const fs::path left = fmt::format("/dev/shm/kronwerk-shm-{:016x}", getpid());
  write_text(left, "of a job that was killed before its other ranks found it");
  const auto outcome =
      kronwerk(2, fmt::format("run {}/configs/sylvester/sylvester.yaml --set output.file={}",
                              source, path("out.h5").string()));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_FALSE(fs::exists(left));
  fs::remove(left);
}

}  // namespace
}  // namespace kronwerk::end_to_end
