#include "application/restart/data_files.hpp"

#include <set>

#include "kronwerk/core/error.hpp"

namespace kronwerk::application {

void DataFiles::glance(const configuration::Job& job) {
  std::set<std::string> names;
  for (const auto& use : job.files) names.insert(use.file);
  for (const auto& name : names) glances_.push_back(io::glance_at(name));
}

std::vector<io::FileIdentity> DataFiles::identify() const {
  std::vector<io::FileIdentity> result;
  for (const auto& before : glances_) {
    if (io::glance_at(before.file) != before) throw core::DataError(before.file);
    result.push_back(io::identify(before.file));
  }
  return result;
}

std::string DataFiles::find_changed(const std::vector<io::FileIdentity>& before) const {
  for (std::size_t number = 0; number < glances_.size(); ++number) {
    const io::FileIdentity now = io::identify(glances_[number].file);
    const bool same = number < before.size() && before[number].bytes == now.bytes &&
                      before[number].written == now.written &&
                      before[number].content == now.content;
    if (!same) return now.file;
  }
  return {};
}

}  // namespace kronwerk::application
