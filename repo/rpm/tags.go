package rpm

import "strconv"

// Tag is the number of an entry in a header. Numbers below 1000 mean the same
// in both headers; 1000 and above mean one thing in the signature header (the
// TagSig constants) and another in the main header.
type Tag uint32

// Tags of both headers (rpm's include/rpm/rpmtag.h).
const (
	TagHeaderSignatures Tag = 62
	TagHeaderImmutable  Tag = 63
	TagI18NTable        Tag = 100
)

// Tags of the signature header.
const (
	TagDSAHeader       Tag = 267
	TagRSAHeader       Tag = 268
	TagSHA1Header      Tag = 269
	TagLongSigSize     Tag = 270
	TagLongArchiveSize Tag = 271
	TagSHA256Header    Tag = 273
	TagFileSignatures  Tag = 274
	TagOpenPGP         Tag = 278
	TagSHA3Header      Tag = 279
	TagSigReservedV6   Tag = 999
	TagSigSize         Tag = 1000
	TagSigPGP          Tag = 1002
	TagSigMD5          Tag = 1004
	TagSigGPG          Tag = 1005
	TagSigPayloadSize  Tag = 1007
	TagSigReserved     Tag = 1008
)

// Tags of the main header.
const (
	TagName                       Tag = 1000
	TagVersion                    Tag = 1001
	TagRelease                    Tag = 1002
	TagEpoch                      Tag = 1003
	TagSummary                    Tag = 1004
	TagDescription                Tag = 1005
	TagBuildTime                  Tag = 1006
	TagBuildHost                  Tag = 1007
	TagSize                       Tag = 1009
	TagVendor                     Tag = 1011
	TagLicense                    Tag = 1014
	TagPackager                   Tag = 1015
	TagGroup                      Tag = 1016
	TagURL                        Tag = 1020
	TagOS                         Tag = 1021
	TagArch                       Tag = 1022
	TagPreIn                      Tag = 1023
	TagPostIn                     Tag = 1024
	TagPreUn                      Tag = 1025
	TagPostUn                     Tag = 1026
	TagOldFileNames               Tag = 1027
	TagFileSizes                  Tag = 1028
	TagFileModes                  Tag = 1030
	TagFileRdevs                  Tag = 1033
	TagFileMTimes                 Tag = 1034
	TagFileDigests                Tag = 1035
	TagFileLinkTos                Tag = 1036
	TagFileFlags                  Tag = 1037
	TagFileUserName               Tag = 1039
	TagFileGroupName              Tag = 1040
	TagSourceRPM                  Tag = 1044
	TagFileVerifyFlags            Tag = 1045
	TagArchiveSize                Tag = 1046
	TagProvideName                Tag = 1047
	TagRequireFlags               Tag = 1048
	TagRequireName                Tag = 1049
	TagRequireVersion             Tag = 1050
	TagNoSource                   Tag = 1051
	TagNoPatch                    Tag = 1052
	TagConflictFlags              Tag = 1053
	TagConflictName               Tag = 1054
	TagConflictVersion            Tag = 1055
	TagRPMVersion                 Tag = 1064
	TagTriggerScripts             Tag = 1065
	TagTriggerName                Tag = 1066
	TagTriggerVersion             Tag = 1067
	TagTriggerFlags               Tag = 1068
	TagVerifyScript               Tag = 1079
	TagChangelogTime              Tag = 1080
	TagChangelogName              Tag = 1081
	TagChangelogText              Tag = 1082
	TagPreInProg                  Tag = 1085
	TagPostInProg                 Tag = 1086
	TagPreUnProg                  Tag = 1087
	TagPostUnProg                 Tag = 1088
	TagObsoleteName               Tag = 1090
	TagVerifyScriptProg           Tag = 1091
	TagTriggerScriptProg          Tag = 1092
	TagFileDevices                Tag = 1095
	TagFileInodes                 Tag = 1096
	TagFileLangs                  Tag = 1097
	TagSourcePackage              Tag = 1106
	TagProvideFlags               Tag = 1112
	TagProvideVersion             Tag = 1113
	TagObsoleteFlags              Tag = 1114
	TagObsoleteVersion            Tag = 1115
	TagDirIndexes                 Tag = 1116
	TagBaseNames                  Tag = 1117
	TagDirNames                   Tag = 1118
	TagPayloadFormat              Tag = 1124
	TagPayloadCompressor          Tag = 1125
	TagPayloadFlags               Tag = 1126
	TagPlatform                   Tag = 1132
	TagPreTrans                   Tag = 1151
	TagPostTrans                  Tag = 1152
	TagPreTransProg               Tag = 1153
	TagPostTransProg              Tag = 1154
	TagOldSuggestsName            Tag = 1156
	TagOldSuggestsVer             Tag = 1157
	TagOldSuggestsFlags           Tag = 1158
	TagOldEnhancesName            Tag = 1159
	TagOldEnhancesVer             Tag = 1160
	TagOldEnhancesFlags           Tag = 1161
	TagLongFileSizes              Tag = 5008
	TagLongSize                   Tag = 5009
	TagFileCaps                   Tag = 5010
	TagFileDigestAlgo             Tag = 5011
	TagOrderName                  Tag = 5035
	TagOrderVersion               Tag = 5036
	TagOrderFlags                 Tag = 5037
	TagRecommendName              Tag = 5046
	TagRecommendVersion           Tag = 5047
	TagRecommendFlags             Tag = 5048
	TagSuggestName                Tag = 5049
	TagSuggestVersion             Tag = 5050
	TagSuggestFlags               Tag = 5051
	TagSupplementName             Tag = 5052
	TagSupplementVersion          Tag = 5053
	TagSupplementFlags            Tag = 5054
	TagEnhanceName                Tag = 5055
	TagEnhanceVersion             Tag = 5056
	TagEnhanceFlags               Tag = 5057
	TagEncoding                   Tag = 5062
	TagFileTriggerScripts         Tag = 5066
	TagFileTriggerScriptProg      Tag = 5067
	TagFileTriggerName            Tag = 5069
	TagFileTriggerVersion         Tag = 5071
	TagFileTriggerFlags           Tag = 5072
	TagTransFileTriggerScripts    Tag = 5076
	TagTransFileTriggerScriptProg Tag = 5077
	TagTransFileTriggerName       Tag = 5079
	TagTransFileTriggerVersion    Tag = 5081
	TagTransFileTriggerFlags      Tag = 5082
	TagPayloadDigest              Tag = 5092
	TagPayloadDigestAlgo          Tag = 5093
	TagModularityLabel            Tag = 5096
	TagPayloadDigestAlt           Tag = 5097
	TagPreUnTrans                 Tag = 5103
	TagPostUnTrans                Tag = 5104
	TagPreUnTransProg             Tag = 5105
	TagPostUnTransProg            Tag = 5106
	TagPayloadSize                Tag = 5112
	TagPayloadSizeAlt             Tag = 5113
	TagRPMFormat                  Tag = 5114
	TagPayloadSHA512              Tag = 5121
	TagPayloadSHA512Alt           Tag = 5122
	TagPayloadSHA3                Tag = 5123
	TagPayloadSHA3Alt             Tag = 5124
)

// Type is the type of an entry's data.
type Type uint32

// Types (rpm's rpmTagType_e). Type 0 is never valid in a file.
const (
	TypeChar Type = iota + 1
	TypeInt8
	TypeInt16
	TypeInt32
	TypeInt64
	TypeString
	TypeBin
	TypeStringArray
	TypeI18NString
)

// size is the width of one element in bytes, 0 for strings.
func (t Type) size() int64 {
	switch t {
	case TypeChar, TypeInt8, TypeBin:
		return 1
	case TypeInt16:
		return 2
	case TypeInt32:
		return 4
	case TypeInt64:
		return 8
	default:
		return 0
	}
}

func (t Type) isString() bool {
	return t == TypeString || t == TypeStringArray || t == TypeI18NString
}

func (t Type) isInt() bool { return t >= TypeChar && t <= TypeInt64 }

// String returns rpm's name of the type in lower case.
func (t Type) String() string {
	names := [...]string{"null", "char", "int8", "int16", "int32", "int64", "string", "bin", "string array", "i18n string"}
	if int64(t) < int64(len(names)) {
		return names[t]
	}
	return "type " + strconv.FormatUint(uint64(t), 10)
}
