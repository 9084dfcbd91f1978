#include "io/hdf5/object_walk.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include "kronwerk/core/extents.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {

namespace {

constexpr int greatest_depth = 64;
constexpr std::size_t most_objects = 20'000;

struct Link {
  std::string name;
  std::optional<std::string> target;  ///< of an external link
};

std::optional<std::string> external_target(hid_t group, const char* name, std::size_t size) {
  std::vector<char> value(size + 1);
  unsigned flags = 0;
  const char* file = nullptr;
  const char* path = nullptr;
  if (H5Lget_val(group, name, value.data(), value.size(), H5P_DEFAULT) < 0 ||
      H5Lunpack_elink_val(value.data(), size, &flags, &file, &path) < 0) {
    return std::nullopt;
  }
  return fmt::format("{}:{}", file, path);
}

herr_t collect_link(hid_t group, const char* name, const H5L_info_t* info, void* data) {
  auto& links = *static_cast<std::vector<Link>*>(data);
  if (info->type == H5L_TYPE_HARD) links.push_back({name, std::nullopt});
  if (info->type == H5L_TYPE_EXTERNAL) {
    if (auto target = external_target(group, name, info->u.val_size)) {
      links.push_back({name, std::move(target)});
    }
  }
  return 0;
}

class Walk {
 public:
  explicit Walk(const FileHandle& file) {
    note(file.get(), ".", "/");
    descend(file.get(), "", 1);
  }

  FileContent content;

 private:
  /// Whether it is a group that was not seen before.
  bool note(hid_t parent, const std::string& name, const std::string& path) {
    H5O_info_t info;
    if (H5Oget_info_by_name2(parent, name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0) {
      return false;
    }
    if (info.type != H5O_TYPE_GROUP && info.type != H5O_TYPE_DATASET) return false;
    if (!seen_.insert(info.addr).second) return false;
    content.objects.push_back({path, info.type == H5O_TYPE_DATASET});
    return info.type == H5O_TYPE_GROUP;
  }

  void descend(hid_t group, const std::string& path, int depth) {
    std::vector<Link> links;
    H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_link, &links);
    for (const auto& link : links) {
      if (content.objects.size() + content.external_links.size() >= most_objects) {
        content.left_out = fmt::format("more than {} groups and datasets; the rest is left out",
                                       core::format_count(static_cast<core::Index>(most_objects)));
        return;
      }
      const std::string below = path + "/" + link.name;
      if (link.target) content.external_links.push_back({below, *link.target});
      if (link.target || !note(group, link.name, below)) continue;
      if (depth == greatest_depth) {
        content.left_out = fmt::format(
            "groups are nested more than {} deep; what is deeper is left out", greatest_depth);
        continue;
      }
      const auto handle = GroupHandle::adopt(H5Gopen2(group, link.name.c_str(), H5P_DEFAULT));
      if (handle) descend(handle.get(), below, depth + 1);
    }
  }

  std::set<haddr_t> seen_;
};

}  // namespace

FileContent walk_objects(const FileHandle& file) {
  return Walk(file).content;
}

}  // namespace kronwerk::io
