"""Names of the services in `aws-sdk:<service>:<action>`, and the prefix of their error names.

Step Functions uses the client names of the AWS SDK for Java 2: the prefix is the service id in Pascal case, the
service in a Resource is the prefix in lower case. botocore knows its own names for the same services. The table is
made once from the service ids of botocore's models, so that nothing is loaded to check a definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# One word per service: its prefix, and `=` its name in botocore where that is not the prefix in lower case.
_SERVICES: Final = """
AccessAnalyzer Account AccountAccess=account-access AccountAccessRuntime=account-access-runtime Acm AcmPca=acm-pca
AgentRegistry=agent-registry AgentRegistryControl=agent-registry-control AiOps Amp Amplify AmplifyBackend
AmplifyUiBuilder ApiGateway ApiGatewayManagementApi ApiGatewayV2 AppConfig AppConfigData AppFabric Appflow
AppIntegrations ApplicationAutoScaling=application-autoscaling ApplicationCostProfiler ApplicationDiscovery=discovery
ApplicationInsights=application-insights ApplicationSignals=application-signals AppMesh AppRunner AppStream AppSync
ArcRegionSwitch=arc-region-switch ArcZonalShift=arc-zonal-shift Artifact Athena AuditManager AutoScaling
AutoScalingPlans=autoscaling-plans B2Bi Backup BackupGateway=backup-gateway BackupSearch Batch
BcmDashboards=bcm-dashboards BcmDataExports=bcm-data-exports BcmPricingCalculator=bcm-pricing-calculator
BcmRecommendedActions=bcm-recommended-actions Bedrock BedrockAgent=bedrock-agent BedrockAgentCore=bedrock-agentcore
BedrockAgentCoreControl=bedrock-agentcore-control BedrockAgentRuntime=bedrock-agent-runtime
BedrockDataAutomation=bedrock-data-automation BedrockDataAutomationRuntime=bedrock-data-automation-runtime
BedrockRuntime=bedrock-runtime Billing Billingconductor Braket Budgets Chatbot Chime
ChimeSdkIdentity=chime-sdk-identity ChimeSdkMediaPipelines=chime-sdk-media-pipelines
ChimeSdkMeetings=chime-sdk-meetings ChimeSdkMessaging=chime-sdk-messaging ChimeSdkVoice=chime-sdk-voice CleanRooms
CleanRoomsMl Cloud9 CloudControl CloudDirectory CloudFormation CloudFront
CloudFrontKeyValueStore=cloudfront-keyvaluestore CloudHsm CloudHsmV2 CloudSearch CloudSearchDomain CloudTrail
CloudTrailData=cloudtrail-data CloudWatch CloudWatchLogs=logs CloudWatchOmni Codeartifact CodeBuild CodeCatalyst
CodeCommit CodeConnections CodeDeploy CodeGuruProfiler CodeGuruReviewer=codeguru-reviewer
CodeGuruSecurity=codeguru-security CodePipeline CodeStarConnections=codestar-connections
CodestarNotifications=codestar-notifications CognitoIdentity=cognito-identity CognitoIdentityProvider=cognito-idp
CognitoSync=cognito-sync Comprehend ComprehendMedical ComputeOptimizer=compute-optimizer
ComputeOptimizerAutomation=compute-optimizer-automation Config Connect ConnectCampaigns ConnectCampaignsV2
ConnectCases ConnectContactLens=connect-contact-lens ConnectHealth ConnectParticipant ConnectScheduling Continuum
ControlCatalog ControlTower CostAndUsageReport=cur CostExplorer=ce CostOptimizationHub=cost-optimization-hub
CustomerProfiles=customer-profiles DatabaseMigration=dms DataBrew DataExchange DataPipeline DataSync DataZone Dax
Deadline Detective DeviceFarm DevOpsAgent=devops-agent DevOpsGuru=devops-guru DirectConnect Directory=ds
DirectoryServiceData=ds-data Dlm DocDb DocDbElastic=docdb-elastic Drs Dsql DynamoDb DynamoDbStreams Ebs Ec2
Ec2InstanceConnect=ec2-instance-connect Ecr EcrPublic=ecr-public Ecs Efs Eks EksAuth=eks-auth ElastiCache
ElasticBeanstalk ElasticLoadBalancing=elb ElasticLoadBalancingV2=elbv2 Elasticsearch=es ElementalInference Emr
EmrContainers=emr-containers EmrServerless=emr-serverless EndUserMessaging EntityResolution EventBridge=events
EventBridgeV2 Evs Firehose Fis Fms Forecast Forecastquery FraudDetector FreeTier FSx GameLift GameLiftStreams
GeoMaps=geo-maps GeoPlaces=geo-places GeoRoutes=geo-routes Glacier GlobalAccelerator Glue Grafana Greengrass
GreengrassV2 GroundStation GuardDuty Health HealthLake Iam IamToolbox=iam-toolbox Identitystore Imagebuilder
ImportExport Inspector Inspector2 InspectorScan=inspector-scan Interconnect InternetMonitor Invoicing Iot
IotDataPlane=iot-data IotDeviceAdvisor IoTFleetWise IotJobsDataPlane=iot-jobs-data
IotManagedIntegrations=iot-managed-integrations IoTSecureTunneling IoTSiteWise IoTThingsGraph IoTTwinMaker IotWireless
Ivs Ivschat IvsRealTime=ivs-realtime Kafka KafkaConnect Kendra KendraRanking=kendra-ranking Keyspaces KeyspacesStreams
Kinesis KinesisAnalytics KinesisAnalyticsV2 KinesisVideo KinesisVideoArchivedMedia=kinesis-video-archived-media
KinesisVideoMedia=kinesis-video-media KinesisVideoSignaling=kinesis-video-signaling
KinesisVideoWebRtcStorage=kinesis-video-webrtc-storage Kms LakeFormation Lambda LambdaCore=lambda-core
LambdaMicrovms=lambda-microvms LambdaWeb=lambda-web LaunchWizard=launch-wizard LexModelBuilding=lex-models
LexModelsV2=lexv2-models LexRuntime=lex-runtime LexRuntimeV2=lexv2-runtime LicenseManager=license-manager
LicenseManagerLinuxSubscriptions=license-manager-linux-subscriptions
LicenseManagerUserSubscriptions=license-manager-user-subscriptions Lightsail Location LookoutEquipment M2
MachineLearning Macie2 MailManager ManagedBlockchain ManagedBlockchainQuery=managedblockchain-query
MarketplaceAgreement=marketplace-agreement MarketplaceCatalog=marketplace-catalog MarketplaceCommerceAnalytics
MarketplaceDeployment=marketplace-deployment MarketplaceDiscovery=marketplace-discovery
MarketplaceEntitlement=marketplace-entitlement MarketplaceMetering=meteringmarketplace
MarketplaceReporting=marketplace-reporting MediaConnect MediaConvert MediaLive MediaPackage MediaPackageV2
MediaPackageVod=mediapackage-vod MediaStore MediaStoreData=mediastore-data MediaTailor MedicalImaging=medical-imaging
MemoryDB Mgn MigrationHub=mgh MigrationHubConfig=migrationhub-config MigrationHubOrchestrator
MigrationHubRefactorSpaces=migration-hub-refactor-spaces MigrationHubStrategy Mpa Mq MTurk Mwaa
MwaaServerless=mwaa-serverless Neptune Neptunedata NeptuneGraph=neptune-graph NetworkFirewall=network-firewall
NetworkFlowMonitor NetworkManager NetworkMonitor NetworkSecurityManager=network-security-manager Notifications
NotificationsContacts NovaAct=nova-act Oam ObservabilityAdmin Odb Omics OpenSearch OpenSearchMemory
OpenSearchServerless Organizations Osis Outposts PartnerCentralAccount=partnercentral-account
PartnerCentralBenefits=partnercentral-benefits PartnerCentralChannel=partnercentral-channel
PartnerCentralRevenueMeasurement=partnercentral-revenue-measurement PartnerCentralSelling=partnercentral-selling
PaymentCryptography=payment-cryptography PaymentCryptographyData=payment-cryptography-data
PcaConnectorAd=pca-connector-ad PcaConnectorScep=pca-connector-scep Pcs Personalize
PersonalizeEvents=personalize-events PersonalizeRuntime=personalize-runtime Pi Pinpoint PinpointEmail=pinpoint-email
PinpointSmsVoice=pinpoint-sms-voice PinpointSmsVoiceV2=pinpoint-sms-voice-v2 Pipes Polly Pricing
PricingPlanManager=pricing-plan-manager Proton QApps QBusiness QConnect QuickSight Ram Rbin Rds RdsData=rds-data
Redshift RedshiftData=redshift-data RedshiftServerless=redshift-serverless Rekognition Repostspace Resiliencehub
Resiliencehubv2 ResourceExplorer2=resource-explorer-2 ResourceGroups=resource-groups ResourceGroupsTaggingApi
RolesAnywhere Route53 Route53Domains Route53GlobalResolver Route53Profiles
Route53RecoveryCluster=route53-recovery-cluster Route53RecoveryControlConfig=route53-recovery-control-config
Route53RecoveryReadiness=route53-recovery-readiness Route53Resolver RtbFabric Rum S3 S3Control S3Files S3Outposts
S3Tables S3Vectors SageMaker SageMakerA2IRuntime=sagemaker-a2i-runtime SagemakerEdge=sagemaker-edge
SageMakerFeatureStoreRuntime=sagemaker-featurestore-runtime SageMakerGeospatial=sagemaker-geospatial
SageMakerInferenceRouterRuntime=sagemaker-inference-router-runtime SagemakerJobRuntime
SageMakerMetrics=sagemaker-metrics SageMakerRuntime=sagemaker-runtime SageMakerTrainingSessionRuntime Savingsplans
Scheduler Schemas SecretsManager SecurityAgent SecurityHub SecurityIr=security-ir SecurityLake
ServerlessApplicationRepository=serverlessrepo ServiceCatalog ServiceCatalogAppRegistry=servicecatalog-appregistry
ServiceDiscovery ServiceQuotas=service-quotas Ses SesV2 Sfn=stepfunctions Shield Signer SignerData=signer-data Signin
SimpleDb=sdb SimpleDbV2 Snowball SnowDeviceManagement=snow-device-management Sns SocialMessaging Sqs Ssm
SsmContacts=ssm-contacts SsmGuiConnect=ssm-guiconnect SsmIncidents=ssm-incidents SsmQuickSetup=ssm-quicksetup
SsmSap=ssm-sap Sso SsoAdmin=sso-admin SsoOidc=sso-oidc StorageGateway Sts SupplyChain Support SupportApp=support-app
SupportAuthz Sustainability Swf Synthetics TaxSettings Textract TimestreamInfluxDb=timestream-influxdb
TimestreamQuery=timestream-query TimestreamWrite=timestream-write Transcribe Transfer Translate TrustedAdvisor Uxc
VerifiedPermissions VoiceId=voice-id VpcLattice=vpc-lattice Waf WafRegional=waf-regional Wafv2 WellArchitected Wickr
Wisdom WorkDocs WorkMail WorkMailMessageFlow WorkSpaces WorkspacesInstances=workspaces-instances
WorkSpacesThinClient=workspaces-thin-client WorkSpacesWeb=workspaces-web XRay
"""


@dataclass(frozen=True, slots=True)
class SdkService:
    """One service: `name` in the Resource, `prefix` of its errors, `botocore` the name of its model."""

    name: str
    prefix: str
    botocore: str


def _read_table() -> dict[str, SdkService]:
    table = {}
    for word in _SERVICES.split():
        prefix, _, botocore = word.partition("=")
        name = prefix.lower()
        table[name] = SdkService(name, prefix, botocore or name)
    return table


SDK_SERVICES: Final = _read_table()
