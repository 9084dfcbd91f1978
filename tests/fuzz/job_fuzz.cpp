// Configurations with overrides: the lines "--set key=value" at the beginning of an input, then the
// text. What is stored with a result must repeat its run, so it is read once more.
#include <vector>

#include "fuzz/fuzz.hpp"
#include "kronwerk/configuration/job.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kronwerk;
  constexpr std::string_view set = "--set ";
  std::string text = fuzz::to_text(data, size);
  std::vector<std::string> overrides;
  while (text.starts_with(set)) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    overrides.push_back(text.substr(set.size(), end - set.size()));
    text.erase(0, end + 1);
  }
  configuration::Job job;
  if (!fuzz::accepted([&] { job = configuration::parse_job(text, "configs/x.yaml", overrides); })) {
    return 0;
  }
  fuzz::require(fuzz::accepted([&] {
                  const auto again = configuration::parse_job(job.text, "configs/x.yaml");
                  fuzz::require(again.task == job.task &&
                                    again.formula.value == job.formula.value &&
                                    again.output.file == job.output.file,
                                "the stored configuration is another job");
                }),
                "the stored configuration is refused: " + job.text);
  return 0;
}
